/**
 * Memory of large answers, and of what is noted of their records, used again. A new buffer for each fetch counts as external memory, and every 64 MiB of it
 * makes the collector mark the whole heap: that took a third of the processor time of a busy instance.
 * Only what has been given back is handed out again; what never is, the collector takes. Frames hold raw records and
 * tokens of persons: they must never be printed.
 */

/** Smaller frames are not worth keeping. */
const POOLED_BYTES_MIN = 64 * 1024;
/** Frames are whole multiples of it, so that those of one fetch size fit each other. */
const STEP_BYTES = 256 * 1024;
/** What lies unused, at most. */
const UNUSED_BYTES_MAX = 32 * 1024 * 1024;

const unused: ArrayBufferLike[] = [];
let unusedBytes = 0;

/** Memory of `length` bytes, with whatever lay in it before. */
export function takeFrame(length: number): Buffer {
  if (length < POOLED_BYTES_MIN) return Buffer.allocUnsafeSlow(length);
  const capacity = Math.ceil(length / STEP_BYTES) * STEP_BYTES;
  const at = unused.findLastIndex(({ byteLength }) => byteLength >= capacity && byteLength <= 2 * capacity);
  if (at < 0) return Buffer.allocUnsafeSlow(capacity).subarray(0, length);
  const [memory] = unused.splice(at, 1);
  unusedBytes -= memory!.byteLength;
  return Buffer.from(memory!, 0, length);
}

/** Gives back the frame that `bytes` lies in. Whoever calls this must be its last user: nothing checks it. */
export function giveBackFrame(bytes: Buffer): void {
  const memory = bytes.buffer;
  const { byteLength } = memory;
  // One that is more than all that is kept would only drive the others out.
  if (byteLength < POOLED_BYTES_MIN || byteLength % STEP_BYTES !== 0 || byteLength > UNUSED_BYTES_MAX) return;
  unused.push(memory);
  unusedBytes += byteLength;
  while (unusedBytes > UNUSED_BYTES_MAX) unusedBytes -= unused.shift()!.byteLength;
}
