/**
 * Checkpoints over the log of seals, and what witnesses remember: signed by an enrolled sealer, over exactly the seals
 * that are there, cosigned by as many witnesses as the trust file asks for.
 */
import { openCheckpoint } from '../checkpoint.ts';
import type { SignedCheckpoint } from '../checkpoint.ts';
import { MerkleFrontier } from '../merkle-tree.ts';
import type { FrontierJson } from '../merkle-tree.ts';
import { ownError } from '../../platform/errors.ts';
import type { FindingPlace, Findings } from './finding.ts';
import { enrolledCosignatures, isValidAt } from './trust.ts';
import type { Trust } from './trust.ts';

/** Roots of the last trees, for checkpoints that come later than the next seal. */
const ROOTS_KEPT = 1_024;
/** Seals that a checkpoint may lag behind. */
const LAG_MAX = 3;

export interface NotesJson {
  readonly frontier: FrontierJson;
  readonly newestSize: number;
  readonly cosignedSize: number;
  readonly notes: number;
}

export class NoteCheck {
  private readonly findings: Findings;
  private readonly trust: Trust | null;
  private readonly tree: MerkleFrontier;
  private readonly roots = new Map<number, Buffer>();
  /** What witnesses have cosigned, by size: compared when the tree has that size. */
  private readonly remembered = new Map<number, Buffer>();
  private newestSize: number;
  private cosignedSize: number;
  private notes: number;

  constructor(findings: Findings, trust: Trust | null, json?: NotesJson) {
    this.findings = findings;
    this.trust = trust;
    this.tree = json ? MerkleFrontier.from(json.frontier) : new MerkleFrontier();
    this.roots.set(this.tree.size, this.tree.root());
    this.newestSize = json?.newestSize ?? 0;
    this.cosignedSize = json?.cosignedSize ?? 0;
    this.notes = json?.notes ?? 0;
  }

  /** Seals so far. */
  get size(): number {
    return this.tree.size;
  }

  get witnessedSize(): number {
    // Where nobody has to cosign, nobody is said to have.
    return this.trust !== null && this.trust.quorum > 0 ? this.cosignedSize : 0;
  }

  /** Seals under a checkpoint with as many cosignatures as the trust file asks for, which may be none. */
  get quorumSize(): number {
    return this.cosignedSize;
  }

  /** Notes that witnesses gave; before any seal is read. */
  remember(notes: readonly string[] | null): void {
    if (!this.trust || this.trust.witnesses.length === 0) return;
    if (!notes)
      return this.findings.once('WITNESS_NOT_ASKED', {}, 'a rollback to an older state would not be seen');
    for (const note of notes) {
      const opened = this.open(note, {}, null);
      if (!opened) continue;
      if (opened.cosignatures.length === 0)
        this.findings.add('WITNESS_NOTE', {}, 'no witness of the trust file signed it');
      else this.remembered.set(opened.checkpoint.size, opened.checkpoint.root);
    }
  }

  appendSeal(leaf: Buffer, n: number): void {
    this.tree.append(leaf);
    const root = this.tree.root();
    this.roots.set(this.tree.size, root);
    this.roots.delete(this.tree.size - ROOTS_KEPT);
    this.compareRemembered(this.tree.size, root, { seal: n });
  }

  /** `appendTimeMs`: the broker's time, at which the sealer's key must have been valid. */
  acceptNote(note: string, place: FindingPlace, appendTimeMs: number): void {
    this.notes += 1;
    if (!this.trust) return;
    const opened = this.open(note, place, appendTimeMs);
    if (!opened) return;
    const { size, root } = opened.checkpoint;
    const ours = this.roots.get(size);
    const at = { ...place, seal: size - 1 };
    if (size > this.tree.size) {
      this.findings.add('NOTE_SIZE', at, `${size} seals signed, ${this.tree.size} here`);
      return;
    }
    if (!ours) return;
    if (!ours.equals(root)) {
      this.findings.add('NOTE_ROOT', at, `over ${size} seals`);
      return;
    }
    this.newestSize = Math.max(this.newestSize, size);
    const signers = new Set(opened.cosignatures.map(({ verifier }) => verifier));
    if (signers.size >= this.trust.quorum) this.cosignedSize = Math.max(this.cosignedSize, size);
  }

  /** `appendTimeMs`: null for what a witness handed out. Only cosignatures that count are left. */
  private open(note: string, place: FindingPlace, appendTimeMs: number | null): SignedCheckpoint | null {
    const { origin, sealers, witnesses } = this.trust!;
    const isLogged = appendTimeMs !== null;
    try {
      const keys = sealers.map(({ verifier }) => verifier);
      const opened = openCheckpoint(note, origin, keys, witnesses);
      const cosignatures = enrolledCosignatures(this.trust!, opened.cosignatures);
      // What a witness hands out has no time of the broker, but its own.
      const atMs = appendTimeMs ?? latestMs(cosignatures);
      if (atMs === null || this.wasEnrolled(opened, atMs)) return { ...opened, cosignatures };
      const detail = "the sealer's key was not valid at that time";
      this.findings.add(isLogged ? 'NOTE_SIGNATURE' : 'WITNESS_NOTE', place, detail);
    } catch (thrown) {
      const { code } = ownError(thrown);
      const isSignature = code === 'ERR_AUDIT_NOTE_SIGNATURE' || code === 'ERR_AUDIT_NOTE_UNTRUSTED';
      const fault = isSignature ? 'NOTE_SIGNATURE' : 'NOTE_MALFORMED';
      this.findings.add(isLogged ? fault : 'WITNESS_NOTE', place, code);
    }
    return null;
  }

  /** Was a sealer that signed it enrolled then? */
  private wasEnrolled({ logSignatures }: SignedCheckpoint, atMs: number): boolean {
    const signers = new Set(logSignatures.map(({ verifier }) => verifier));
    return this.trust!.sealers.some((sealer) => signers.has(sealer.verifier) && isValidAt(sealer, atMs));
  }

  private compareRemembered(size: number, root: Buffer, place: FindingPlace): void {
    const theirs = this.remembered.get(size);
    if (!theirs) return;
    this.remembered.delete(size);
    if (!theirs.equals(root)) this.findings.add('FORK_VS_WITNESS', place, `over ${size} seals`);
  }

  /** What is true of the log as a whole. */
  finish(): void {
    const { trust, tree } = this;
    const place = { seal: tree.size - 1 };
    const [first] = this.remembered.keys();
    for (const [size, root] of this.remembered) {
      const ours = this.roots.get(size);
      if (size > tree.size)
        this.findings.add('OLDER_THAN_WITNESS', place, `${size} seals cosigned, ${tree.size} here`);
      else if (ours && !ours.equals(root)) this.findings.add('FORK_VS_WITNESS', place, `over ${size} seals`);
      else if (!ours && first !== undefined)
        this.findings.once('WITNESS_NOTE', place, 'older than what is still known');
    }
    if (tree.size === 0) return;
    if (this.notes === 0) return this.findings.once('NO_CHECKPOINT', place, 'in the log of seals');
    if (!trust) return;
    const isStale = tree.size - this.newestSize > LAG_MAX;
    if (isStale)
      this.findings.once('STALE_NOTE', place, `the newest valid one is over ${this.newestSize} seals`);
    if (trust.witnesses.length === 0 || trust.quorum === 0)
      return this.findings.once('NO_WITNESS', place, 'in the trust file');
    if (tree.size - this.cosignedSize > LAG_MAX)
      this.findings.once('NO_COSIGNATURE', place, `the last cosigned one is over ${this.cosignedSize} seals`);
  }

  toJSON(): NotesJson {
    const { newestSize, cosignedSize, notes } = this;
    return { frontier: this.tree.toJSON(), newestSize, cosignedSize, notes };
  }
}

function latestMs(cosignatures: SignedCheckpoint['cosignatures']): number | null {
  const times = cosignatures.flatMap(({ timeSeconds }) => (timeSeconds === null ? [] : [timeSeconds * 1000]));
  return times.length > 0 ? Math.max(...times) : null;
}
