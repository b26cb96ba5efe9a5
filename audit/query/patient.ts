/**
 * The records about one person: by the person's subject tokens of every key epoch and of every id that was merged with
 * the one asked about, over all topics. Identifiers and tokens stay in here and in the index; questions see places and
 * offsets.
 */
import { createHash } from 'node:crypto';
import type { Keyring } from '../../keys/keyring.ts';
import { tokensOfPerson } from '../../keys/person-aliases.ts';
import type { PersonAliases } from '../../keys/person-aliases.ts';
import type { AuditIndex } from './audit-index.ts';
import { unpackRest } from './index-tables.ts';

/** The token of one id of a person in one key epoch. */
export interface EpochToken {
  readonly epoch: number;
  readonly token: Buffer;
}

/**
 * Tokens of a person, newest epoch first; in each epoch one for every id that the person has or had, whichever of them
 * is asked about. Throws ERR_KEY_MISSING.
 */
export function patientTokens(
  keyring: Keyring,
  patientId: string,
  aliases: PersonAliases,
): readonly EpochToken[] {
  return keyring
    .subjectTokenEpochs()
    .flatMap((tokens) =>
      tokensOfPerson(tokens, aliases, patientId).map((token) => ({ epoch: tokens.epoch, token })),
    );
}

/** By any token of a person, in a key epoch, the token that stands for them. Throws ERR_KEY_MISSING. */
export function personOf(keyring: Keyring, aliases: PersonAliases): (epoch: number, token: bigint) => bigint {
  const epochs = keyring.subjectTokenEpochs();
  const survivors = new Map(epochs.map((tokens) => [tokens.epoch, aliases.survivors(tokens)]));
  return (epoch, token) => survivors.get(epoch)?.get(token) ?? token;
}

/** Of how many ids of one person these are the tokens. */
export function idsJoined(tokens: readonly EpochToken[]): number {
  return tokens.filter(({ epoch }) => epoch === tokens[0]?.epoch).length;
}

/** In words, for people; empty where there is but one id. */
export function joinedWords(ids: number): readonly string[] {
  return ids > 1 ? [`${ids} ids of this person are joined, by the merges on file`] : [];
}

/** What the record of a question says of the merges that its answer stands on. */
export function mergesAsked(aliases: PersonAliases): Readonly<Record<string, string>> {
  return aliases.sha256 === null ? {} : { merges_sha256: aliases.sha256 };
}

/**
 * What stands for a person in the record of a question: a hash over the tokens of the newest epoch, so that whoever
 * reads the record cannot try out identifiers. The same whichever id of the person was asked about.
 */
export function patientReference(tokens: readonly EpochToken[]): string {
  const hash = createHash('sha256');
  for (const { epoch, token } of tokens.filter((each) => each.epoch === tokens[0]?.epoch))
    hash.update(`${epoch}\n`).update(token);
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
