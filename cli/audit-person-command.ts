/**
 * `gauze audit prove-person` and `gauze audit check-person-proof`: that a patient is, or is not, in the batch of one
 * event. What opens the patient's name is printed and stands in no file; the id goes into tokens and into nothing else.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { EventOffset } from '../audit/event-prover.ts';
import { OPENING_BYTES, verifyPersonProof } from '../audit/membership-proof.ts';
import type { NamedPerson, ProvenPerson } from '../audit/membership-proof.ts';
import { provePerson } from '../audit/person-prover.ts';
import { placeName } from '../audit/query/answer.ts';
import type { AuditIndex } from '../audit/query/audit-index.ts';
import { EVENT_COLUMNS, EVENT_TABLES, eventOf } from '../audit/query/event-facts.ts';
import { rowIdOf } from '../audit/query/index-tables.ts';
import { mergesAsked, patientReference, patientTokens } from '../audit/query/patient.ts';
import { ExportSource } from '../audit/raw-export.ts';
import { parseTrustFile } from '../audit/trust-file.ts';
import { LiveSource } from '../audit/verify/live-source.ts';
import { tokenOf } from '../keys/subject-tokens.ts';
import { nowMs, random } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { atAuditDesk } from './audit-desk.ts';
import type { AuditDesk } from './audit-desk.ts';
import { patientId } from './audit-query-command.ts';
import { EXIT, note, print } from './terminal.ts';

export interface ProvePersonOptions {
  readonly config: string;
  readonly json: boolean;
  readonly index?: string;
  readonly export?: string;
  readonly out: string;
}

export interface CheckPersonProofOptions {
  readonly json: boolean;
  readonly trust: string;
  readonly root: string;
  readonly person?: string;
  readonly opening?: string;
}

/** Readable by its owner alone: it is about a patient. */
const OWNER_ONLY = 0o600;
/** Places of events named in a hint. */
const PLACES_MAX = 5;

export async function provePersonCommand(
  patient: string,
  place: string,
  options: ProvePersonOptions,
): Promise<number> {
  const at = offsetOf(place);
  const id = await patientId(patient);
  return await atAuditDesk(options, async (desk) => {
    const { site, cluster, keyring, aliases, index, record } = desk;
    const { export: folder, out } = options;
    hintAtIndexEvents(index, at);
    const source =
      folder === undefined
        ? new LiveSource(cluster, site.names, async () => await Promise.resolve(null))
        : await ExportSource.open(folder);
    const opening = random(OPENING_BYTES);
    const made = await provePerson({
      source,
      at,
      idsIn: (epoch) => idsIn(desk, id, epoch),
      key: keyring.auditWriter('auditor'),
      mergesSha256: aliases.sha256,
      opening,
      nowMs: nowMs(),
    });
    const { sha256 } = made;
    const words = [patientReference(patientTokens(keyring, id, aliases)), place, sha256];
    const ext = { ...mergesAsked(aliases), proof_sha256: sha256 };
    await record([{ type: 'audit.queried', name: 'prove-person', words, results: 1, ext }]);
    await written(out, made.text);
    const facts = { file: out, isIn: made.isIn, ids: made.ids, opening: opening.toString('hex') };
    if (options.json) print(JSON.stringify(facts));
    else for (const line of madeLines(facts)) print(line);
    return EXIT.ok;
  });
}

export async function checkPersonProofCommand(
  file: string,
  options: CheckPersonProofOptions,
): Promise<number> {
  const trust = parseTrustFile(await bytesOf(options.trust), options.root);
  const proven = verifyPersonProof(await bytesOf(file), trust, await namedPerson(options));
  if (options.json) print(JSON.stringify(factsOf(proven)));
  else for (const line of provenLines(proven)) print(line);
  return EXIT.ok;
}

/** Throws ERR_KEY_MISSING where the key of the epoch is gone. */
function idsIn({ keyring, aliases }: AuditDesk, patient: string, epoch: number) {
  const tokens = keyring.subjectTokenEpochs().find((each) => each.epoch === epoch);
  if (!tokens) throw new GauzeError('ERR_KEY_MISSING', { audience: `subject tokens of epoch ${epoch}` });
  return aliases.idsOf(patient).map((id) => ({ id, token: tokenOf(tokens, id) }));
}

/** Of an event that another lane wrote: which events of the index lane are about the same records. */
function hintAtIndexEvents(index: AuditIndex, { partition, offset }: EventOffset): void {
  const row = index.get(
    `SELECT ${EVENT_COLUMNS} FROM ${EVENT_TABLES} WHERE e.id = ?`,
    rowIdOf({ partition, offset }),
  );
  const event = row && eventOf(row);
  if (!event?.range || event.facts.audience === 'index') return;
  const { place, first, next } = event.range;
  const found = index
    .all(
      `SELECT ${EVENT_COLUMNS} FROM ${EVENT_TABLES}
       WHERE e.place = ? AND e.first < ? AND e.next > ? AND c.type = 'session.batch' ORDER BY e.first`,
      place,
      next,
      first,
    )
    .map(eventOf)
    .filter(({ facts }) => facts.audience === 'index');
  const raw = placeName(index, place);
  const places = found.slice(0, PLACES_MAX).map(({ at }) => `${at.partition}/${at.offset}`);
  note(
    `that event is of a reader; whom ${raw.topic}/${raw.partition} offsets ${first} to ${next - 1} are about is in the events at ${places.join(', ') || 'no place yet'}${found.length > PLACES_MAX ? ' and more' : ''}`,
  );
}

/** `topic/partition/offset`. Throws ERR_USAGE_ARGUMENT. */
function offsetOf(place: string): EventOffset {
  const [, topic, partition, offset] = /^([\w.-]+)\/(\d{1,9})\/(\d{1,15})$/.exec(place) ?? [];
  if (topic === undefined) throw usage('event', '<topic>/<partition>/<offset>');
  return { topic, partition: Number(partition), offset: Number(offset) };
}

async function namedPerson({ person, opening }: CheckPersonProofOptions): Promise<NamedPerson | null> {
  if (person === undefined && opening === undefined) return null;
  const isHex = opening !== undefined && new RegExp(`^[0-9a-f]{${2 * OPENING_BYTES}}$`).test(opening);
  if (person === undefined || !isHex)
    throw usage('--person', 'given together with --opening, as it was printed beside the proof');
  return { id: await patientId(person), opening: Buffer.from(opening, 'hex') };
}

function madeLines({ file, isIn, ids, opening }: Record<'file' | 'opening', string> & MadeFacts): string[] {
  return [
    `The person is ${isIn ? '' : 'not '}in that batch; ${file} proves it, for ${ids} id${ids === 1 ? '' : 's'}.`,
    ...(isIn ? [] : ['It shows two tokens of other persons, which are keyed hashes.']),
    `opening ${opening}`,
    'Whoever has the opening and an id can check whom the file is about: hand it over by another way.',
  ];
}

interface MadeFacts {
  readonly isIn: boolean;
  readonly ids: number;
}

function factsOf({ isIn, ids, isNamed, statedAt, event: { event, seal, checkpoint } }: ProvenPerson) {
  const { range } = event;
  return {
    isIn,
    isNamed,
    ids,
    batch: range && `${range.topic}/${range.partition} [${range.first_offset}, ${range.next_offset})`,
    persons: event.subjects?.distinct ?? 0,
    recordedAt: new Date(event.recorded_at / 1000).toISOString(),
    sealedAt: new Date(seal.sealed_at / 1000).toISOString(),
    origin: checkpoint.checkpoint.origin,
    cosignedBy: checkpoint.cosignatures.map(({ name }) => name),
    statedAt,
  };
}

function provenLines(proven: ProvenPerson): readonly string[] {
  const facts = factsOf(proven);
  const whom = facts.isNamed ? 'The person that you named' : 'The person whom the site names in it';
  return [
    `The proof holds. ${whom} is ${facts.isIn ? '' : 'not '}among the ${facts.persons} persons of the batch.`,
    `  batch     ${facts.batch ?? '-'}`,
    `  recorded  ${facts.recordedAt}`,
    `  sealed    ${facts.sealedAt} in ${facts.origin}`,
    `  cosigned  ${facts.cosignedBy.join(', ') || 'by nobody: the owner of the log could have rewritten it'}`,
    `  stated    ${facts.statedAt}: ${facts.ids} token${facts.ids === 1 ? '' : 's'} of the person, by the auditor key of the site`,
  ];
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (thrown) {
    throw ownError(thrown, 'ERR_CONFIG_FILE_UNREADABLE', { file });
  }
}

async function written(file: string, text: string): Promise<void> {
  try {
    await writeFile(`${file}.part`, text, { mode: OWNER_ONLY });
    await rename(`${file}.part`, file);
  } catch {
    throw new GauzeError('ERR_AUDIT_EXPORT_FILE', { file });
  }
}

function usage(setting: string, expected: string): GauzeError {
  return new GauzeError('ERR_USAGE_ARGUMENT', { setting, expected });
}
