/**
 * Policy files of C2SP (c2sp.org/tlog-policy): which logs are believed, which witnesses there are, and how many of
 * them must have cosigned. A line that is not understood makes the whole file worth nothing: a policy must never be
 * weaker than its author thought.
 */
import { GauzeError } from '../platform/errors.ts';
import { openCheckpoint } from './checkpoint.ts';
import type { SignedCheckpoint } from './checkpoint.ts';
import { NOTE_KEY, parseNote, parseVkey } from './signed-note.ts';
import type { NoteKeyType, NoteVerifier } from './signed-note.ts';

export interface PolicyLog {
  /** Its name is the log's origin. */
  readonly key: NoteVerifier;
  readonly url: string | null;
}

export interface PolicyWitness {
  readonly name: string;
  readonly key: NoteVerifier;
  readonly url: string | null;
}

/** What must have cosigned: a witness by its name, or so many of a group's members. */
export type Quorum =
  | { readonly kind: 'none' }
  | { readonly kind: 'witness'; readonly witness: PolicyWitness }
  | { readonly kind: 'group'; readonly threshold: number; readonly members: readonly Quorum[] };

export interface TlogPolicy {
  readonly logs: readonly PolicyLog[];
  readonly witnesses: readonly PolicyWitness[];
  readonly quorum: Quorum;
}

/** Most lines of each kind; the specification asks for at least 32. */
const MOST_LINES = 256;

/**
 * Reads a policy. `file` is named in errors only.
 * @throws GauzeError ERR_AUDIT_POLICY_FILE with the line
 */
export function parsePolicy(bytes: Uint8Array, file: string): TlogPolicy {
  // Names are opaque bytes to the specification; vkeys are UTF-8, so bytes that are not can't be of use to us.
  const text = Buffer.from(bytes).toString('utf8');
  const reader = new PolicyReader(file);
  if (!Buffer.from(text).equals(bytes)) throw reader.fault('UTF-8');
  if (text !== '' && !text.endsWith('\n')) throw reader.fault('a newline at the end');
  for (const line of text.split('\n').slice(0, -1)) reader.read(line);
  return reader.finish();
}

class PolicyReader {
  private readonly file: string;
  private line = 0;
  private readonly logs: PolicyLog[] = [];
  private readonly witnesses: PolicyWitness[] = [];
  private readonly named = new Map<string, Quorum>();
  /** Names that are a member of a group already: each counts in one way only. */
  private readonly taken = new Set<string>();
  private quorum: Quorum | null = null;

  constructor(file: string) {
    this.file = file;
  }

  fault(expected: string): GauzeError {
    return new GauzeError('ERR_AUDIT_POLICY_FILE', { file: this.file, line: this.line, expected });
  }

  read(line: string): void {
    this.line += 1;
    if (/(?!\t)\p{Cc}/u.test(line.replaceAll(/[\x80-\x9f]/g, ''))) throw this.fault('no control characters');
    const [word, ...items] = line.split(/[ \t]+/).filter((item) => item !== '');
    if (word === undefined || word.startsWith('#')) return;
    if (this.named.size + this.logs.length > MOST_LINES)
      throw this.fault(`at most ${MOST_LINES} definitions`);
    if (word === 'log') this.readLog(items);
    else if (word === 'witness') this.readWitness(items);
    else if (word === 'group') this.readGroup(items);
    else if (word === 'quorum') this.readQuorum(items);
    else throw this.fault('log, witness, group or quorum');
  }

  finish(): TlogPolicy {
    if (!this.quorum) throw this.fault('one quorum line');
    return { logs: this.logs, witnesses: this.witnesses, quorum: this.quorum };
  }

  private readLog(items: readonly string[]): void {
    const [vkey, url, ...more] = items;
    if (vkey === undefined || more.length > 0) throw this.fault('log <vkey> [<url>]');
    this.logs.push({ key: this.key(vkey, NOTE_KEY.ED25519, this.logs), url: url ?? null });
  }

  private readWitness(items: readonly string[]): void {
    const [name, vkey, url, ...more] = items;
    if (name === undefined || vkey === undefined || more.length > 0)
      throw this.fault('witness <name> <vkey> [<url>]');
    const witness = { name, key: this.key(vkey, NOTE_KEY.COSIGNATURE, this.witnesses), url: url ?? null };
    this.define(name, { kind: 'witness', witness });
    this.witnesses.push(witness);
  }

  private readGroup(items: readonly string[]): void {
    const [name, count, ...names] = items;
    if (name === undefined || count === undefined || names.length === 0)
      throw this.fault('group <name> all|any|<number> <name>...');
    const threshold = this.threshold(count, names.length);
    const members = names.map((member) => {
      const known = this.named.get(member);
      if (!known) throw this.fault('names defined on lines above');
      if (this.taken.has(member)) throw this.fault('each name in one group, once');
      this.taken.add(member);
      return known;
    });
    this.define(name, { kind: 'group', threshold, members });
  }

  private readQuorum(items: readonly string[]): void {
    const [name, ...more] = items;
    if (name === undefined || more.length > 0) throw this.fault('quorum <name>');
    if (this.quorum) throw this.fault('one quorum line');
    const quorum = name === 'none' ? { kind: 'none' as const } : this.named.get(name);
    if (!quorum) throw this.fault('a name defined on a line above, or none');
    this.quorum = quorum;
  }

  private threshold(count: string, members: number): number {
    if (count === 'all') return members;
    if (count === 'any') return 1;
    const threshold = /^[1-9][0-9]{0,3}$/.test(count) ? Number(count) : 0;
    if (threshold < 1 || threshold > members) throw this.fault(`all, any, or a number from 1 to ${members}`);
    return threshold;
  }

  private define(name: string, quorum: Quorum): void {
    if (name === 'none' || this.named.has(name)) throw this.fault('a name that is not taken');
    this.named.set(name, quorum);
  }

  private key(
    vkey: string,
    type: NoteKeyType,
    known: readonly { readonly key: NoteVerifier }[],
  ): NoteVerifier {
    const key = this.parsed(vkey);
    if (key.type !== type)
      throw this.fault(type === NOTE_KEY.ED25519 ? 'a key of a log' : 'a key of a witness');
    if (known.some((other) => other.key.publicKey.equals(key.publicKey))) throw this.fault('each key once');
    return key;
  }

  private parsed(vkey: string): NoteVerifier {
    try {
      return parseVkey(vkey);
    } catch {
      throw this.fault('a vkey: name+keyid+base64');
    }
  }
}

/** Have enough witnesses cosigned, if these are the keys that did? */
export function isMet(quorum: Quorum, cosigners: readonly NoteVerifier[]): boolean {
  if (quorum.kind === 'none') return true;
  if (quorum.kind === 'witness')
    return cosigners.some(({ publicKey }) => publicKey.equals(quorum.witness.key.publicKey));
  return quorum.members.filter((member) => isMet(member, cosigners)).length >= quorum.threshold;
}

/**
 * Opens a checkpoint by a policy: signed by the one of its logs that the origin names, and cosigned as the quorum
 * asks.
 * @throws GauzeError ERR_AUDIT_NOTE, ERR_AUDIT_NOTE_SIGNATURE, ERR_AUDIT_NOTE_UNTRUSTED, ERR_AUDIT_QUORUM
 */
export function openByPolicy(note: string | Uint8Array, policy: TlogPolicy): SignedCheckpoint {
  const origin = parseNote(note).text.split('\n')[0]!;
  const logKeys = policy.logs.map(({ key }) => key).filter(({ name }) => name === origin);
  const witnesses = policy.witnesses.map(({ key }) => key);
  if (logKeys.length === 0) throw new GauzeError('ERR_AUDIT_NOTE_UNTRUSTED');
  const opened = openCheckpoint(note, origin, logKeys, witnesses);
  const cosigners = opened.cosignatures.map(({ verifier }) => verifier);
  if (!isMet(policy.quorum, cosigners)) throw new GauzeError('ERR_AUDIT_QUORUM', { count: cosigners.length });
  return opened;
}

/** Is it a checkpoint that the policy believes? Answers no to whatever is malformed. */
export function satisfies(note: string | Uint8Array, policy: TlogPolicy): boolean {
  try {
    openByPolicy(note, policy);
    return true;
  } catch {
    return false;
  }
}
