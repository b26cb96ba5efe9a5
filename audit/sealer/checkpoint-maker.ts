/**
 * Signs the head of the log of seals and has witnesses put their names under it. It is handed a tree that was grown by
 * seals read back as committed, and must be handed no other: what is signed here can't be unsaid.
 */
import { ownError } from '../../platform/errors.ts';
import { sleep } from '../../platform/clock.ts';
import { formatCheckpoint } from '../checkpoint.ts';
import { signNote } from '../signed-note.ts';
import type { NoteSigner } from '../signed-note.ts';
import type { Alarms } from './alarms.ts';
import type { SealsTree } from './seals-tree.ts';

/** Somebody outside who remembers the last checkpoint. */
export interface CheckpointWitness {
  readonly name: string;
  /**
   * Signature lines for the note; null where the witness refuses it. Rejects where it does not answer.
   * `proofFrom` shows that the tree of `note` grew out of a smaller one.
   */
  cosign(
    note: string,
    proofFrom: (oldSize: number) => Promise<readonly Buffer[]>,
    signal: AbortSignal,
  ): Promise<string | null>;
}

export interface CheckpointMakerOptions {
  readonly origin: string;
  readonly signer: NoteSigner;
  readonly witnesses: readonly CheckpointWitness[];
  /** How long witnesses are waited for. */
  readonly patienceMs: number;
  /** A proof from a size that lies before what the tree holds. */
  readonly olderProof: (oldSize: number, size: number) => Promise<readonly Buffer[]>;
}

export class CheckpointMaker {
  private readonly options: CheckpointMakerOptions;

  constructor(options: CheckpointMakerOptions) {
    this.options = options;
  }

  /** The note over the whole tree, with the cosignatures that came in time. Alarms tell of those that did not. */
  async make(tree: SealsTree, alarms: Alarms, signal: AbortSignal): Promise<string> {
    const { origin, signer, witnesses, patienceMs, olderProof } = this.options;
    const { size } = tree;
    const note = signNote(formatCheckpoint(tree.checkpoint(origin)), signer);
    const proofFrom = async (oldSize: number) => tree.proofFrom(oldSize) ?? (await olderProof(oldSize, size));
    const late = new AbortController();
    const until = AbortSignal.any([signal, late.signal]);
    const asked = witnesses.map(async (witness) => {
      try {
        const lines = await Promise.race([
          witness.cosign(note, proofFrom, until),
          sleep(patienceMs, until).then(() => undefined),
        ]);
        if (lines === null) alarms.raise('WITNESS_REFUSED', witness.name, `${size}`);
        else if (lines === undefined) alarms.raise('WITNESS_SILENT', witness.name);
        return lines ?? '';
      } catch (error) {
        if (!signal.aborted) alarms.raise('WITNESS_SILENT', witness.name, ownError(error).code);
        return '';
      }
    });
    const lines = await Promise.all(asked);
    late.abort();
    return note + lines.join('');
  }
}
