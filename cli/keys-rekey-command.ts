/**
 * `gauze keys rekey-map`: the pseudonyms of two key epochs side by side, for an audience that must join across them.
 * Identifiers come from whoever owns them, on standard input or in a file, and never from a raw topic; what comes out
 * are pseudonyms alone, without any of the identifiers and in an order of their own.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { loadKeyring } from '../keys/keyring.ts';
import { GauzeError } from '../platform/errors.ts';
import { loadPolicies } from '../policy/load-policies.ts';
import type { Policy } from '../policy/policy.ts';
import { pseudonymKeyMasker } from '../processors/pseudonym-key.ts';
import type { PseudonymInstruction } from '../processors/pseudonym-text.ts';
import { wholeNumberOf } from './option-values.ts';
import { maskingKeysOf } from './pinned-inputs.ts';
import { Site } from './site.ts';
import { progressLine } from './progress-line.ts';
import { EXIT, note, print } from './terminal.ts';

export interface RekeyOptions {
  readonly config: string;
  readonly from: string;
  readonly to: string;
  readonly domain: string;
  readonly file?: string;
}

const LONGEST_ID_BYTES = 1024;
const PSEUDONYM_BYTES_MAX = 256;

/**
 * Throws ERR_POLICY_ABSENT for an audience without a policy file, ERR_USAGE_ARGUMENT for a domain without pseudonyms or
 * a file that cannot be read, ERR_KEY_MISSING, ERR_KEY_EPOCH_MISSING.
 */
export async function keysRekeyCommand(
  audience: string,
  options: RekeyOptions,
  input: Readable,
): Promise<number> {
  const site = await Site.load(options.config);
  if (!site.config.keys)
    throw new GauzeError('ERR_CONFIG_SETTING_MISSING', { setting: 'keys', file: options.config });
  const policies = await loadPolicies(site.config.policies);
  const policy = policies.find((each) => each.audience === audience);
  if (!policy) throw new GauzeError('ERR_POLICY_ABSENT', { audience, topic: 'any topic' });
  const instruction = instructionOf(policy, options.domain);
  const keyring = await loadKeyring(site.config.keys.file);
  const aliases = await site.aliases();
  const [from, to] = [
    ['--from', options.from],
    ['--to', options.to],
  ].map(([option, epoch]) => {
    const number = wholeNumberOf(option!, epoch!);
    return pseudonymOf(instruction, maskingKeysOf(policy, keyring, aliases, number));
  });
  const rows = new Set<string>();
  const { tell, end } = progressLine();
  try {
    for await (const id of identifiers(options.file, input)) {
      rows.add(`${from!(id)},${to!(id)}`);
      tell(() => `${rows.size} pairs so far`);
    }
  } finally {
    end();
  }
  print(`epoch_${options.from},epoch_${options.to}`);
  // In the order of the old pseudonyms: that of the identifiers would tell which is which.
  for (const row of [...rows].sort()) print(row);
  note(`${rows.size} ${rows.size === 1 ? 'pair' : 'pairs'} of ${audience}, domain ${options.domain}`);
  return EXIT.ok;
}

/** How the policy writes pseudonyms of the domain, where it does so in one way. */
function instructionOf(policy: Policy, domain: string): PseudonymInstruction {
  const exceptions = [...policy.fields.values()].flatMap((each) => [...each.values()]);
  const all = [...policy.methods.values(), ...exceptions.map(({ instruction }) => instruction)];
  const found = all.filter((each) => each.method === 'pseudonym' && each.domain === domain);
  const ways = new Map(found.map((each) => [JSON.stringify(each), each as PseudonymInstruction]));
  const [only] = ways.values();
  if (ways.size === 1 && only) return only;
  const expected = 'a domain that the policy makes pseudonyms of, all in one way';
  throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--domain', expected });
}

function pseudonymOf(
  instruction: PseudonymInstruction,
  keys: ReturnType<typeof maskingKeysOf>,
): (id: Buffer) => string {
  const mask = pseudonymKeyMasker(instruction, keys);
  const out = Buffer.alloc(PSEUDONYM_BYTES_MAX);
  return (id) => out.toString('latin1', 0, mask(id, 0, id.length, out, 0));
}

/** One for each line that is not empty. */
async function* identifiers(file: string | undefined, input: Readable): AsyncGenerator<Buffer> {
  const source = file === undefined ? input : createReadStream(file);
  try {
    let line = 0;
    for await (const text of createInterface({ input: source, crlfDelay: Infinity })) {
      line += 1;
      const id = Buffer.from(text, 'utf8');
      if (id.length > LONGEST_ID_BYTES) throw wrongInput(`at most ${LONGEST_ID_BYTES} bytes in line ${line}`);
      if (id.length > 0) yield id;
    }
  } catch (thrown) {
    throw thrown instanceof GauzeError ? thrown : wrongInput('a file that can be read');
  }
}

function wrongInput(expected: string): GauzeError {
  return new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--file', expected });
}
