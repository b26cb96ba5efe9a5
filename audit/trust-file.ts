/**
 * The trust file: which keys evidence is checked with, as a C2SP signed note by the root key that is kept offline.
 * One line each: `writer` and `admin` (name, key, from, to, beginning of the writer ids it may speak for), `sealer`
 * (vkey, from, to), `witness` (vkey, and from and to where it has not been one always), `quorum`. A line that it does not know refuses the whole file.
 */
import { GauzeError } from '../platform/errors.ts';
import { NOTE_KEY, formatVkey, openNote, parseVkey, signNote, strictBase64 } from './signed-note.ts';
import type { NoteSigner } from './signed-note.ts';
import type { Trust, TrustedSealer, TrustedWitness, TrustedWriter, Validity } from './verify/trust.ts';

/** First line of the text. */
export const TRUST_FORMAT = 'gauze-trust/1';
/** In the place of a time: still valid. */
const OPEN = '-';
const KEY_BYTES = 32;

type Draft = { -readonly [K in keyof Trust]: Trust[K] extends readonly (infer T)[] ? T[] : Trust[K] };

/** The note of `trust`, signed by the root. Throws ERR_AUDIT_NOTE where a name can't stand in a line. */
export function formatTrustFile(trust: Omit<Trust, 'rootVkey'>, root: NoteSigner): string {
  const { origin, writers, sealers, witnesses, quorum } = trust;
  const lines = [
    TRUST_FORMAT,
    origin,
    ...writers.map(writerLine),
    ...sealers.map(
      (sealer) =>
        `sealer ${formatVkey(sealer.verifier)} ${time(sealer.notBeforeMs)} ${time(sealer.notAfterMs)}`,
    ),
    ...witnesses.map(witnessLine),
    `quorum ${quorum}`,
  ];
  const note = signNote(`${lines.join('\n')}\n`, root);
  // What it says must come back as it was meant: a blank in a name would say something else.
  const back = parseTrustFile(note, formatVkey(root));
  if (back.writers.length !== writers.length || back.sealers.length !== sealers.length) throw fault(1);
  return note;
}

/**
 * Opens a trust file with the root key that is pinned.
 * @throws GauzeError ERR_AUDIT_NOTE_KEY (the vkey), ERR_AUDIT_NOTE, ERR_AUDIT_NOTE_SIGNATURE, ERR_AUDIT_NOTE_UNTRUSTED,
 * ERR_AUDIT_TRUST_FILE with the number of a line that is none
 */
export function parseTrustFile(note: string | Uint8Array, rootVkey: string): Trust {
  const { text } = openNote(note, [parseVkey(rootVkey)]);
  const [format, origin, ...lines] = text.slice(0, -1).split('\n');
  if (format !== TRUST_FORMAT) throw fault(1);
  if (!origin) throw fault(2);
  const draft: Draft = { origin, rootVkey, writers: [], sealers: [], witnesses: [], quorum: -1 };
  lines.forEach((line, at) => readLine(draft, line.split(' '), at + 3));
  const { quorum, witnesses } = draft;
  if (quorum < 0 || quorum > witnesses.length) throw fault(lines.length + 2);
  return draft;
}

function readLine(draft: Draft, [kind, ...words]: readonly string[], line: number): void {
  if ((kind === 'writer' || kind === 'admin') && words.length === 5)
    draft.writers.push(writerOf(kind === 'admin', words, line));
  else if (kind === 'sealer' && words.length === 3) draft.sealers.push(sealerOf(words, line));
  else if (kind === 'witness' && (words.length === 1 || words.length === 3))
    draft.witnesses.push(witnessOf(words, line));
  else if (kind === 'quorum' && draft.quorum < 0 && /^\d{1,2}$/.test(words.join(' ')))
    draft.quorum = Number(words[0]);
  else throw fault(line);
}

function writerOf(isAdmin: boolean, words: readonly string[], line: number): TrustedWriter {
  const [name = '', key = '', from = '', to = '', writerIdPrefix = ''] = words;
  const publicKey = strictBase64(key);
  if (name === '' || publicKey?.length !== KEY_BYTES || writerIdPrefix === '') throw fault(line);
  return { name, isAdmin, publicKey, ...validity(from, to, line), writerIdPrefix };
}

function sealerOf([vkey = '', from = '', to = '']: readonly string[], line: number): TrustedSealer {
  const verifier = parseVkey(vkey);
  if (verifier.type !== NOTE_KEY.ED25519) throw fault(line);
  return { verifier, ...validity(from, to, line) };
}

function witnessOf([vkey = '', from, to]: readonly string[], line: number): TrustedWitness {
  const witness = parseVkey(vkey);
  if (witness.type !== NOTE_KEY.COSIGNATURE) throw fault(line);
  return from === undefined || to === undefined
    ? witness
    : { ...witness, validity: validity(from, to, line) };
}

function validity(from: string, to: string, line: number): Validity {
  return { notBeforeMs: timeOf(from, line), notAfterMs: to === OPEN ? null : timeOf(to, line) };
}

/** Only the one form that `time` writes. */
function timeOf(text: string, line: number): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== text) throw fault(line);
  return ms;
}

function time(ms: number | null): string {
  return ms === null ? OPEN : new Date(ms).toISOString();
}

function witnessLine(witness: TrustedWitness): string {
  const { validity: valid } = witness;
  const times = valid ? ` ${time(valid.notBeforeMs)} ${time(valid.notAfterMs)}` : '';
  return `witness ${formatVkey(witness)}${times}`;
}

function writerLine(writer: TrustedWriter): string {
  const { name, isAdmin, publicKey, notBeforeMs, notAfterMs, writerIdPrefix } = writer;
  const words = [isAdmin ? 'admin' : 'writer', name, publicKey.toString('base64')];
  return [...words, time(notBeforeMs), time(notAfterMs), writerIdPrefix].join(' ');
}

function fault(line: number): GauzeError {
  return new GauzeError('ERR_AUDIT_TRUST_FILE', { line });
}
