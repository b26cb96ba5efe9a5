/**
 * The request of c2sp.org/tlog-witness: an old size, a proof that the new tree grew out of the old one, and the new
 * checkpoint. Written and read here, for the client and for the witness; it judges the form and never the content.
 */
import { GauzeError } from '../../platform/errors.ts';
import { parseSize } from '../checkpoint.ts';
import { MAX_PROOF_HASHES } from '../merkle-proof.ts';
import { HASH_BYTES } from '../merkle-tree.ts';
import { strictBase64 } from '../signed-note.ts';

export interface AddCheckpoint {
  /** Size of the checkpoint before, which the witness has cosigned; 0 if there is none. */
  readonly oldSize: number;
  /** Consistency proof from there. */
  readonly proof: readonly Uint8Array[];
  /** The checkpoint, signed by the log. */
  readonly note: Uint8Array;
}

/** Media type of a size in an answer. */
export const SIZE_MEDIA_TYPE = 'text/x.tlog.size';
/** Longest request that is read. */
export const MAX_REQUEST_BYTES = 128 * 1024;

export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): Buffer {
  const lines = proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`);
  return Buffer.concat([Buffer.from(`old ${oldSize}\n${lines.join('')}\n`), note]);
}

/** @throws GauzeError ERR_WITNESS_REQUEST */
export function parseAddCheckpoint(body: Buffer): AddCheckpoint {
  const end = body.indexOf('\n\n');
  if (end < 0) throw fault('an empty line before the checkpoint');
  const [first, ...lines] = body.toString('latin1', 0, end).split('\n');
  const oldSize = first!.startsWith('old ') ? parseSize(first!.slice(4)) : null;
  if (oldSize === null) throw fault('an old size');
  if (lines.length > MAX_PROOF_HASHES) throw fault(`at most ${MAX_PROOF_HASHES} lines of proof`);
  const proof = lines.map((line) => {
    const hash = strictBase64(line);
    if (hash?.length !== HASH_BYTES) throw fault('a hash in base64 on each line of proof');
    return hash;
  });
  return { oldSize, proof, note: body.subarray(end + 2) };
}

function fault(expected: string): GauzeError {
  return new GauzeError('ERR_WITNESS_REQUEST', { expected });
}
