/**
 * The records about one person: by the person's subject tokens of every key epoch, over all topics. Identifier and
 * tokens stay in here and in the index; questions see places and offsets.
 */
import { createHash } from 'node:crypto';
import type { Keyring } from '../../keys/keyring.ts';
import { SUBJECT_TOKEN_BYTES } from '../../schemas/access-codecs.ts';
import type { AuditIndex } from './audit-index.ts';
import { unpackRest } from './index-tables.ts';

/** The identifier space of persons. */
const PERSON_SPACE = 'patient';

/** The token of a person in one key epoch. */
export interface EpochToken {
  readonly epoch: number;
  readonly token: Buffer;
}

/** Tokens of a person, newest epoch first. Throws ERR_KEY_MISSING. */
export function patientTokens(keyring: Keyring, patientId: string): readonly EpochToken[] {
  const input = Buffer.from(patientId, 'utf8');
  return keyring.subjectTokenEpochs().map((tokens) => {
    const token = Buffer.alloc(SUBJECT_TOKEN_BYTES);
    tokens.tokenInto(PERSON_SPACE, input, 0, input.length, token, 0);
    return { epoch: tokens.epoch, token };
  });
}

/**
 * What stands for a person in the record of a question: a hash over the newest token, so that whoever reads the
 * record cannot try out identifiers.
 */
export function patientReference(tokens: readonly EpochToken[]): string {
  const hash = createHash('sha256');
  for (const { epoch, token } of tokens.slice(0, 1)) hash.update(`${epoch}\n`).update(token);
  return hash.digest('hex');
}

/** Offsets (rising) of the records about a person, by place id. */
export function recordsAbout(
  index: AuditIndex,
  tokens: readonly EpochToken[],
): ReadonlyMap<number, readonly number[]> {
  const found = new Map<number, Set<number>>();
  for (const { token } of tokens) {
    const rows = index.all(
      'SELECT place, first, more FROM postings WHERE token = ?',
      token.readBigInt64BE(0),
    );
    for (const row of rows) {
      const place = Number(row['place']);
      const offsets = found.get(place) ?? new Set();
      found.set(place, offsets);
      const more = row['more'];
      for (const offset of unpackRest(Number(row['first']), more instanceof Uint8Array ? more : null))
        offsets.add(offset);
    }
  }
  return new Map([...found].map(([place, offsets]) => [place, [...offsets].sort((a, b) => a - b)]));
}
