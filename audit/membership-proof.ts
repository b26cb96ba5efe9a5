/**
 * The proof that a person is, or is not, in the batch of one event, in one file that is checked with no Kafka: the proof
 * of the event (tlog-proof.ts), the person's place in the tree whose root the event has, and a statement of the site,
 * signed by its auditor's key, that these tokens are the person's. Nobody but the site can work tokens out, so that one
 * step is its word; the person is named in it by a keyed hash that opens only with a secret handed over beside the file.
 * No identifier stands in the file. That somebody is not in the batch is shown by two neighbours' tokens.
 */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { AuditWriterKey } from '../keys/audit-writer-key.ts';
import { GauzeError } from '../platform/errors.ts';
import type { PhiAuditEvent } from '../schemas/control-codecs.ts';
import { EXT_SUBJECTS_ROOT } from './membership-tree.ts';
import type { MembershipTree, ProvenLeaf } from './membership-tree.ts';
import { MAX_PROOF_HASHES, verifyInclusion } from './merkle-proof.ts';
import { EMPTY_ROOT, HASH_BYTES, leafHash } from './merkle-tree.ts';
import { strictBase64, verifyEd25519 } from './signed-note.ts';
import { trustFile, verifyEventProof } from './tlog-proof.ts';
import type { ProvenEvent } from './tlog-proof.ts';
import { isValidAt } from './verify/trust.ts';
import type { Trust } from './verify/trust.ts';

export const PERSON_PROOF_FORMAT = 'gauze-person-proof/1';
/** Whose key signs the statement, by its name in the trust file. */
export const STATEMENT_WRITER = 'auditor';
/** Bytes of the secret that opens the name of the person. */
export const OPENING_BYTES = 32;
const STATEMENT_DOMAIN = 'gauze-person-statement/1\n';
const PERSON_DOMAIN = 'gauze-person/1\n';
/** How a token comes from an identifier; who has the key can do it again. */
const DERIVATION =
  'first 8 bytes of HMAC-SHA-256 over the identifier, under the HKDF-SHA-256 key of subject tokens of the space patient and this key epoch';
const MAX_FILE_BYTES = 8 * 1024 * 1024;

const bytesOf = (length: number) => z.string().refine((text) => strictBase64(text)?.length === length);
const token = z.string().regex(/^[0-9a-f]{16}$/);
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const leaf = z.strictObject({
  token,
  index: z.int().min(0),
  path: z.array(bytesOf(HASH_BYTES)).max(MAX_PROOF_HASHES),
});
const statement = z.strictObject({
  event: z.string().regex(/^[0-9a-f]{32}$/),
  epoch: z.int().min(1),
  derivation: z.literal(DERIVATION),
  /** One for each id of the person, by token. */
  ids: z
    .array(z.strictObject({ token, person: hash }))
    .min(1)
    .max(1_000),
  /** Of the merges that say which ids are of one person. */
  mergesSha256: hash.nullable(),
  at: z.iso.datetime({ precision: 3 }),
  by: z.literal(STATEMENT_WRITER),
});
const proofFile = z.strictObject({
  format: z.literal(PERSON_PROOF_FORMAT),
  statement,
  signature: bytesOf(64),
  /** Of each id, in the order of the statement. */
  places: z.array(
    z.union([
      z.strictObject({ in: leaf }),
      z.strictObject({ before: leaf.nullable(), after: leaf.nullable() }),
    ]),
  ),
  event: z.string(),
});

type ProofFile = z.infer<typeof proofFile>;
type Statement = z.infer<typeof statement>;
type Leaf = z.infer<typeof leaf>;

/** What a proof is made of. */
export interface PersonProofParts {
  /** The person's ids with their tokens in the key epoch of the event. */
  readonly ids: readonly { readonly id: string; readonly token: Buffer }[];
  readonly event: PhiAuditEvent;
  /** Proof of the event, as tlog-proof.ts makes it. */
  readonly eventProof: string;
  readonly tree: MembershipTree;
  readonly mergesSha256: string | null;
  /** OPENING_BYTES of chance, for whoever may know whom the proof is about. */
  readonly opening: Buffer;
  readonly key: AuditWriterKey;
  readonly nowMs: number;
}

/** What was proven. */
export interface ProvenPerson {
  readonly isIn: boolean;
  /** How many ids of the person were looked for. */
  readonly ids: number;
  readonly event: ProvenEvent;
  /** When the site said whose the tokens are. */
  readonly statedAt: string;
  /** True where an id and its opening were given and fit: it is about that person. */
  readonly isNamed: boolean;
}

/** Whom the reader believes the proof to be about. */
export interface NamedPerson {
  readonly id: string;
  readonly opening: Buffer;
}

/** The root in an event, and its number of leaves; null where it has none. */
export function membershipRoot({ ext, subjects }: PhiAuditEvent): { root: Buffer; size: number } | null {
  const hex = ext.find(({ k }) => k === EXT_SUBJECTS_ROOT)?.v;
  if (hex === undefined || !subjects || !/^[0-9a-f]{64}$/.test(hex)) return null;
  return { root: Buffer.from(hex, 'hex'), size: subjects.distinct };
}

/** Makes the file. */
export function makePersonProof(parts: PersonProofParts): string {
  const { event, tree, opening, key } = parts;
  const ids = parts.ids.toSorted((a, b) => Buffer.compare(a.token, b.token));
  const said: Statement = {
    event: event.event_id.toString('hex'),
    epoch: event.subjects!.key_epoch,
    derivation: DERIVATION,
    ids: ids.map(({ id, token: mine }) => ({ token: mine.toString('hex'), person: personHash(opening, id) })),
    mergesSha256: parts.mergesSha256,
    at: new Date(parts.nowMs).toISOString(),
    by: STATEMENT_WRITER,
  };
  const file: ProofFile = {
    format: PERSON_PROOF_FORMAT,
    statement: said,
    signature: key.sign(messageOf(said)).toString('base64'),
    places: ids.map(({ token: mine }) => {
      const proven = tree.prove(mine);
      return proven.isIn
        ? { in: leafText(proven.leaf) }
        : { before: proven.before && leafText(proven.before), after: proven.after && leafText(proven.after) };
    }),
    event: parts.eventProof,
  };
  return textOf(file);
}

/**
 * Checks a proof: the event, by `trust`; the statement, by the auditor's key in it; the place of each token.
 * @throws GauzeError ERR_AUDIT_PROOF with the step that fails, and those of verifyEventProof
 */
export function verifyPersonProof(bytes: Uint8Array, trust: Trust, person: NamedPerson | null): ProvenPerson {
  const file = parse(bytes);
  const { statement: said, places } = file;
  const event = verifyEventProof(Buffer.from(file.event, 'utf8'), trustFile(trust));
  const root = membershipRoot(event.event);
  if (!root) throw fault('an event with the root of its persons');
  if (said.event !== event.event.event_id.toString('hex')) throw fault('a statement about this event');
  if (said.epoch !== event.event.subjects!.key_epoch) throw fault('tokens of the key epoch of the event');
  checkSignature(file, trust);
  if (places.length !== said.ids.length) throw fault('a place for each token');
  const isIn = said.ids.map(({ token: mine }, i) => checkPlace(Buffer.from(mine, 'hex'), places[i]!, root));
  if (person && !said.ids.some(({ person: name }) => name === personHash(person.opening, person.id)))
    throw fault('the person that you named, and the opening that came with the file');
  return {
    isIn: isIn.includes(true),
    ids: said.ids.length,
    event,
    statedAt: said.at,
    isNamed: person !== null,
  };
}

/** The one form that a file has: whatever differs from it by a byte is no proof. */
function textOf(file: ProofFile): string {
  return `${JSON.stringify(file, null, 1)}\n`;
}

function parse(bytes: Uint8Array): ProofFile {
  if (bytes.length > MAX_FILE_BYTES) throw fault(`at most ${MAX_FILE_BYTES} bytes`);
  const text = Buffer.from(bytes).toString('utf8');
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw fault(PERSON_PROOF_FORMAT);
  }
  const checked = proofFile.safeParse(read);
  if (!checked.success || !Buffer.from(textOf(checked.data)).equals(bytes)) throw fault(PERSON_PROOF_FORMAT);
  return checked.data;
}

function checkSignature({ statement: said, signature }: ProofFile, trust: Trust): void {
  const atMs = Date.parse(said.at);
  const keys = trust.writers.filter((writer) => writer.name === said.by && isValidAt(writer, atMs));
  const bytes = Buffer.from(signature, 'base64');
  if (!keys.some(({ publicKey }) => verifyEd25519(publicKey, messageOf(said), bytes)))
    throw fault('a statement signed by the auditor key of the trust file');
}

/** Is the token in the tree? Throws where what is shown does not prove it either way. */
function checkPlace(
  mine: Buffer,
  place: ProofFile['places'][number],
  { root, size }: { readonly root: Buffer; readonly size: number },
): boolean {
  const holds = ({ token: hex, index, path }: Leaf): boolean =>
    verifyInclusion(
      leafHash(Buffer.from(hex, 'hex')),
      index,
      size,
      path.map((each) => Buffer.from(each, 'base64')),
      root,
    );
  if ('in' in place) {
    if (place.in.token !== mine.toString('hex') || !holds(place.in))
      throw fault('a path from the token to the root in the event');
    return true;
  }
  const { before, after } = place;
  if (size === 0 && before === null && after === null && root.equals(EMPTY_ROOT)) return false;
  const isLast = before === null ? -1 : before.index;
  const isNext = after === null ? size : after.index;
  const rises =
    (before === null || Buffer.compare(Buffer.from(before.token, 'hex'), mine) < 0) &&
    (after === null || Buffer.compare(mine, Buffer.from(after.token, 'hex')) < 0);
  const isShown = [before, after].every((each) => each === null || holds(each));
  if (size === 0 || isNext !== isLast + 1 || !rises || !isShown)
    throw fault('two neighbours between which the token would stand');
  return false;
}

function messageOf(said: Statement): Buffer {
  return Buffer.from(`${STATEMENT_DOMAIN}${JSON.stringify(said)}`, 'utf8');
}

function personHash(opening: Buffer, id: string): string {
  return createHmac('sha256', opening).update(PERSON_DOMAIN).update(id, 'utf8').digest('hex');
}

function leafText({ token: mine, index, path }: ProvenLeaf): Leaf {
  return { token: mine.toString('hex'), index, path: path.map((each) => each.toString('base64')) };
}

function fault(expected: string): GauzeError {
  return new GauzeError('ERR_AUDIT_PROOF', { expected });
}
