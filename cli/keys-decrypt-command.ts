/**
 * `gauze keys decrypt`: gives back what encrypt, encrypt-deterministic and format-preserving wrote, to somebody who
 * holds the keyring. Texts come on standard input and values go to standard output, one in a line: nowhere else, and
 * nothing is logged. It reads no topic, so no audit event tells of it: whoever holds the keyring needs no leave of gauze.
 */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { loadKeyring } from '../keys/keyring.ts';
import type { Opener } from '../keys/opener.ts';
import { GauzeError } from '../platform/errors.ts';
import { METHODS } from '../processors/method-table.ts';
import { charactersOf } from '../processors/methods/format-preserving.ts';
import type { Instruction } from '../processors/plan.ts';
import { wholeNumberOf } from './option-values.ts';
import { Site } from './site.ts';
import { EXIT, note, print } from './terminal.ts';

export interface DecryptOptions {
  readonly config: string;
  readonly keyring?: string;
  readonly method: string;
  readonly grant?: string;
  readonly topicId?: string;
  readonly partition?: string;
  readonly path?: string;
  readonly offset?: string;
  readonly domain?: string;
  readonly alphabet?: string;
  readonly separators?: string;
  readonly epoch?: string;
  readonly bytes: boolean;
}

/** A text as it stands in a sanitized record, to the value; null where it does not open. */
type Open = (text: string) => Buffer | null;

const HEX_TOPIC_ID = /^[0-9a-f]{32}$/;
/** As Kafka's own tools write it. */
const KAFKA_TOPIC_ID = /^[\w-]{22}$/;

/** Throws ERR_USAGE_ARGUMENT, ERR_KEY_MISSING, ERR_KEY_FILE; ERR_KEY_TEXT_CLOSED once all texts were tried. */
export async function keysDecryptCommand(
  audience: string,
  options: DecryptOptions,
  input: Readable,
): Promise<number> {
  const keyring = await loadKeyring(options.keyring ?? (await keyringOf(options.config)));
  const open = openFor(keyring.opener(audience, options.grant), options);
  let closed = 0;
  for await (const text of createInterface({ input, crlfDelay: Infinity })) {
    if (text === '') continue;
    const value = open(text);
    if (value === null) closed += 1;
    // As JSON, so that a value with a line break stays one line, and one that does not open stays in its place.
    print(JSON.stringify(value?.toString(options.bytes ? 'base64' : 'utf8') ?? null));
  }
  if (closed > 0) throw new GauzeError('ERR_KEY_TEXT_CLOSED', { audience, count: closed });
  if (options.method === 'format-preserving')
    note('Nothing proves these values: a text that was changed, or of another key epoch, gives one as well.');
  return EXIT.ok;
}

async function keyringOf(config: string): Promise<string> {
  const { keys } = (await Site.load(config)).config;
  if (!keys) throw new GauzeError('ERR_CONFIG_SETTING_MISSING', { setting: 'keys', file: config });
  return keys.file;
}

function openFor(opener: Opener, options: DecryptOptions): Open {
  switch (options.method) {
    case 'encrypt': {
      const place = {
        topicId: topicIdOf(needed('--topic-id', options.topicId)),
        partition: countOf('--partition', needed('--partition', options.partition)),
        path: needed('--path', options.path),
        offset: options.offset === undefined ? undefined : countOf('--offset', options.offset),
      };
      return (text) => opener.openSealed(Buffer.from(text, 'base64'), place)?.content ?? null;
    }
    case 'encrypt-deterministic': {
      const domain = needed('--domain', options.domain);
      return (text) => opener.decrypt(Buffer.from(text, 'base64'), domain);
    }
    case 'format-preserving': {
      const { domain, alphabet, separators } = formatOf(options);
      const format = { alphabet: charactersOf(alphabet), separators };
      const epoch = options.epoch === undefined ? undefined : wholeNumberOf('--epoch', options.epoch);
      return (text) => {
        const value = opener.decryptFormat(text, domain, format, epoch);
        return value === null ? null : Buffer.from(value, 'latin1');
      };
    }
    default:
      throw wrong('--method', 'encrypt, encrypt-deterministic or format-preserving');
  }
}

/** Read as in a policy, with the same defaults. */
function formatOf(options: DecryptOptions): Extract<Instruction, { method: 'format-preserving' }> {
  const { domain, alphabet, separators } = options;
  const given = {
    domain,
    ...(alphabet === undefined ? {} : { alphabet }),
    ...(separators === undefined ? {} : { separators }),
  };
  const parsed = METHODS['format-preserving'].parameters.safeParse(given);
  if (!parsed.success) throw wrong('--domain, --alphabet, --separators', 'those of the policy');
  return {
    method: 'format-preserving',
    ...(parsed.data as { domain: string; alphabet: string; separators: string }),
  };
}

function topicIdOf(text: string): string {
  if (HEX_TOPIC_ID.test(text)) return text;
  if (KAFKA_TOPIC_ID.test(text)) return Buffer.from(text, 'base64url').toString('hex');
  throw wrong('--topic-id', 'the id of the raw topic: 22 characters as Kafka tells it, or 32 hex digits');
}

function countOf(option: string, text: string): number {
  if (!/^(?:0|[1-9]\d{0,15})$/.test(text)) throw wrong(option, 'a whole number');
  return Number(text);
}

function needed(option: string, value: string | undefined): string {
  if (value === undefined) throw wrong(option, 'given for this method');
  return value;
}

function wrong(setting: string, expected: string): GauzeError {
  return new GauzeError('ERR_USAGE_ARGUMENT', { setting, expected });
}
