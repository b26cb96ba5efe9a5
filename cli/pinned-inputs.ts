/**
 * Whether a site has what its policies pin: keys of their epochs, and the file of merged persons with the hash that they
 * name. Asked before anything is applied; lanes ask again for themselves.
 */
import { PersonKeys } from '../keys/person-keys.ts';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import type { Keyring } from '../keys/keyring.ts';
import { NO_ALIASES } from '../keys/person-aliases.ts';
import type { PersonAliases } from '../keys/person-aliases.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import type { Policy } from '../policy/policy.ts';
import type { PersonRules } from '../policy/policy-inputs.ts';
import { identifierHash, identifierTextBy } from '../processors/identifier-hash.ts';

/** Everything that is missing or another one: ERR_KEY_EPOCH_MISSING, ERR_POLICY_ALIASES, ERR_PERSONS_AMBIGUOUS. */
export function missingInputs(
  policies: readonly Policy[],
  keys: Keyring,
  aliases: PersonAliases,
): readonly GauzeError[] {
  return policies.flatMap((policy) => [
    ...missingEpochs(policy, keys),
    ...otherAliases(policy, keys, aliases),
  ]);
}

function missingEpochs({ audience, keys: { epoch, live }, topics }: Policy, keys: Keyring): GauzeError[] {
  const isCompacted = [...topics.values()].some(({ compact }) => compact);
  return [epoch, ...(isCompacted ? live : [])].flatMap((each) =>
    problemOf(() => keys.audience(audience, each)),
  );
}

function otherAliases(policy: Policy, keys: Keyring, aliases: PersonAliases): GauzeError[] {
  const { persons, audience, file, keys: pinned } = policy;
  if (!persons?.aliases) return [];
  if (persons.aliases !== aliases.sha256) {
    const line = policy.lineOf('persons', 'aliases');
    const actual = aliases.sha256 ?? 'none (the config names no file)';
    return [new GauzeError('ERR_POLICY_ALIASES', { file, line, audience, actual })];
  }
  const exceptions = [...policy.fields.values()].flatMap((each) => [...each.values()]);
  const instructions = [...policy.methods.values(), ...exceptions.map(({ instruction }) => instruction)];
  return problemOf(() => {
    const merged = personKeys(keys.audience(audience, pinned.epoch), aliases, persons);
    merged.dateShifts('patient');
    for (const each of instructions) if (each.method === 'pseudonym') identifierHash(merged, each);
  });
}

/** The keys of an audience in an epoch, as its policy pins merged persons. Throws ERR_POLICY_ALIASES and the keyring's. */
export function maskingKeysOf(
  policy: Policy,
  keys: Keyring,
  aliases: PersonAliases,
  epoch: number,
): AudienceKeys {
  const [other] = otherAliases(policy, keys, aliases);
  if (other) throw other;
  const own = keys.audience(policy.audience, epoch);
  return policy.persons ? personKeys(own, aliases, policy.persons) : own;
}

function personKeys(keys: AudienceKeys, list: PersonAliases, persons: PersonRules): PersonKeys {
  const { aliases, domains, normalize } = persons;
  return new PersonKeys(keys, aliases ? list : NO_ALIASES, domains, identifierTextBy(normalize));
}

function problemOf(work: () => unknown): GauzeError[] {
  try {
    work();
    return [];
  } catch (thrown) {
    return [ownError(thrown)];
  }
}
