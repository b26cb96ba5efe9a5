/**
 * A witness of c2sp.org/tlog-witness: it cosigns a checkpoint only if the tree grew out of the one it cosigned before,
 * and remembers it on the disk before it answers. It must never cosign two trees of which neither holds the other,
 * whoever asks and however many at once.
 */
import { createHash } from 'node:crypto';
import { GauzeError, ownError } from '../../platform/errors.ts';
import type { ErrorCode } from '../../platform/errors.ts';
import { openCheckpoint } from '../checkpoint.ts';
import { verifyConsistency } from '../merkle-proof.ts';
import { EMPTY_ROOT } from '../merkle-tree.ts';
import { formatSignature, signatureLine } from '../signed-note.ts';
import type { NoteVerifier } from '../signed-note.ts';
import { SIZE_MEDIA_TYPE, parseAddCheckpoint } from './add-checkpoint.ts';
import type { AddCheckpoint } from './add-checkpoint.ts';
import { claimedOrigin } from './witness-state.ts';
import type { WitnessState } from './witness-state.ts';

/** An answer as HTTP has it. */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly mediaType: string;
  readonly body: string;
}

export interface WitnessOptions {
  readonly state: WitnessState;
  /** Keys of the logs it witnesses; the name of a key is its log's origin. */
  readonly logKeys: readonly NoteVerifier[];
  /** Called when a checkpoint is on the disk and not answered yet; tests kill the process there. */
  readonly onRemembered?: () => void;
}

/** Which refusal an error stands for; others are ours to mend. */
const REFUSALS: Partial<Record<ErrorCode, WitnessAnswer['status']>> = {
  ERR_WITNESS_REQUEST: 400,
  ERR_AUDIT_NOTE: 400,
  ERR_AUDIT_NOTE_SIGNATURE: 403,
  ERR_AUDIT_NOTE_UNTRUSTED: 403,
  ERR_WITNESS_ORIGIN: 404,
  ERR_WITNESS_PROOF: 422,
};

export class Witness {
  private readonly options: WitnessOptions;
  /** The end of the line: one checkpoint at a time. */
  private line: Promise<unknown> = Promise.resolve();

  constructor(options: WitnessOptions) {
    this.options = options;
  }

  /** add-checkpoint. Rejects only where the checkpoint could not be remembered; nothing was cosigned then. */
  async add(body: Buffer): Promise<WitnessAnswer> {
    const turn = this.line.then(async () => await this.answer(body));
    this.line = turn.catch(() => undefined);
    return await turn;
  }

  /** The latest cosigned checkpoint of the log whose origin has this SHA-256 in lower-case hex; null if none. */
  latest(originHash: string): string | null {
    const origin = this.options.logKeys
      .map(({ name }) => name)
      .find((name) => createHash('sha256').update(name).digest('hex') === originHash);
    return origin === undefined ? null : (this.options.state.latest(origin)?.note ?? null);
  }

  private async answer(body: Buffer): Promise<WitnessAnswer> {
    try {
      return await this.judge(parseAddCheckpoint(body));
    } catch (thrown) {
      const { code } = ownError(thrown);
      const status = REFUSALS[code];
      if (status === undefined) throw thrown;
      return { status, mediaType: 'text/plain; charset=utf-8', body: `${code}\n` };
    }
  }

  /** The checks in the order of the specification. */
  private async judge(request: AddCheckpoint): Promise<WitnessAnswer> {
    const { state, logKeys } = this.options;
    const origin = claimedOrigin(request.note);
    const keys = logKeys.filter(({ name }) => name === origin);
    if (keys.length === 0) throw new GauzeError('ERR_WITNESS_ORIGIN');
    const { text, checkpoint, logSignatures } = openCheckpoint(request.note, origin, keys);
    if (request.oldSize > checkpoint.size)
      throw new GauzeError('ERR_WITNESS_REQUEST', { expected: 'an old size up to the new one' });
    const before = state.latest(origin)?.checkpoint ?? { size: 0, root: EMPTY_ROOT };
    if (request.oldSize !== before.size)
      return { status: 409, mediaType: SIZE_MEDIA_TYPE, body: `${before.size}\n` };
    if (!verifyConsistency(before, checkpoint, request.proof)) throw new GauzeError('ERR_WITNESS_PROOF');
    const line = signatureLine(text, state.signer);
    // Of the log's signatures only those that were verified; strangers' are not ours to pass on.
    await state.remember(origin, `${text}\n${logSignatures.map((s) => formatSignature(s)).join('')}${line}`);
    this.options.onRemembered?.();
    return { status: 200, mediaType: 'text/plain; charset=utf-8', body: line };
  }
}
