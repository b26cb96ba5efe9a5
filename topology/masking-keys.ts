/**
 * The keys that a policy pins: of its key epoch, and with the merged persons of the list whose hash it names. What the
 * keyring or this host does not have holds the lane; neither another epoch nor another list is ever taken instead.
 */
import { PersonKeys } from '../keys/person-keys.ts';
import type { AliasLists } from '../keys/alias-lists.ts';
import type { AudienceKeys } from '../keys/audience-keys.ts';
import type { Keyring } from '../keys/keyring.ts';
import { NO_ALIASES } from '../keys/person-aliases.ts';
import type { PersonAliases } from '../keys/person-aliases.ts';
import { GauzeError } from '../platform/errors.ts';
import type { Policy } from '../policy/policy.ts';
import { identifierTextBy } from '../processors/identifier-hash.ts';

interface Known {
  readonly persons: string;
  readonly keys: AudienceKeys;
}

export class MaskingKeys {
  readonly #keyring: Keyring;
  readonly #lists: AliasLists;
  /** By audience and epoch, with the newest list only: what was derived and looked up stays for as long as it is used. */
  readonly #known = new Map<string, Known>();

  constructor(keyring: Keyring, lists: AliasLists) {
    this.#keyring = keyring;
    this.#lists = lists;
  }

  /**
   * Those of the policy's epoch, or of another; the same object for as long as the policy pins the same.
   * Throws ERR_KEY_MISSING, ERR_KEY_EPOCH_MISSING, ERR_PERSONS_LIST_MISSING.
   */
  audience(policy: Policy, epoch = policy.keys.epoch): AudienceKeys {
    const { audience } = policy;
    const name = `${audience} ${epoch}`;
    const persons = JSON.stringify(policy.persons);
    const known = this.#known.get(name);
    if (known?.persons === persons) return known.keys;
    const keys = this.#merged(this.#keyring.audience(audience, epoch), policy);
    this.#known.set(name, { persons, keys });
    return keys;
  }

  /** Those of a grant on top of the policy. Throws as `audience` does. */
  grant(policy: Policy, grantId: string, epoch = policy.keys.epoch): AudienceKeys {
    return this.#merged(this.#keyring.grant(policy.audience, grantId, epoch), policy);
  }

  #merged(keys: AudienceKeys, { persons, audience }: Policy): AudienceKeys {
    if (!persons) return keys;
    const { aliases, domains, normalize } = persons;
    return new PersonKeys(keys, this.#list(aliases, audience), domains, identifierTextBy(normalize));
  }

  #list(sha256: string | null, audience: string): PersonAliases {
    const list = sha256 === null ? NO_ALIASES : this.#lists.find(sha256);
    if (!list) throw new GauzeError('ERR_PERSONS_LIST_MISSING', { audience });
    return list;
  }
}
