/**
 * Kafka's frames in a stream of bytes: four bytes of length, then as many bytes. Gives frames only whole, each with
 * its length in front, as it came; it reads nothing of them but what a request's or an answer's header begins with.
 */

const LENGTH_BYTES = 4;
/** API key (2), version (2), correlation id (4): how every request begins, whatever its header's version. */
const REQUEST_HEAD_BYTES = 8;

/** What every request says of itself. */
export interface RequestHead {
  readonly apiKey: number;
  readonly version: number;
  readonly correlation: number;
}

export class FrameSplitter {
  #chunks: Buffer[] = [];
  #held = 0;

  /** Bytes of a frame that has not come to its end. */
  get unfinishedBytes(): number {
    return this.#held;
  }

  /** Takes what has come in and gives the frames that are whole now. Throws RangeError for a negative length. */
  take(chunk: Buffer): readonly Buffer[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const frames: Buffer[] = [];
    for (let frame = this.#next(); frame; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Buffer | null {
    if (this.#held < LENGTH_BYTES) return null;
    const length = this.#front(LENGTH_BYTES).readInt32BE(0);
    if (length < 0) throw new RangeError('a frame of negative length');
    const whole = LENGTH_BYTES + length;
    if (this.#held < whole) return null;
    const bytes = this.#front(whole);
    const rest = bytes.subarray(whole);
    this.#chunks = rest.length > 0 ? [rest, ...this.#chunks.slice(1)] : this.#chunks.slice(1);
    this.#held -= whole;
    return bytes.subarray(0, whole);
  }

  /** Makes the first chunk hold at least so many bytes, which must be there. */
  #front(bytes: number): Buffer {
    if (this.#chunks[0]!.length < bytes) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }
}

/** Reads the head of a request. Throws RangeError where the frame is shorter than that. */
export function requestHead(frame: Buffer): RequestHead {
  if (frame.length < LENGTH_BYTES + REQUEST_HEAD_BYTES) throw new RangeError('a request without a head');
  return {
    apiKey: frame.readInt16BE(LENGTH_BYTES),
    version: frame.readInt16BE(LENGTH_BYTES + 2),
    correlation: frame.readInt32BE(LENGTH_BYTES + 4),
  };
}

/** A TxnOffsetCommit of version 5 as if of another generation: the broker refuses it, and knows nothing of the offset. */
export function withOtherGeneration(frame: Buffer): Buffer {
  const changed = Buffer.from(frame);
  const clientAt = LENGTH_BYTES + REQUEST_HEAD_BYTES;
  const transactionalIdAt = clientAt + 2 + frame.readInt16BE(clientAt) + 1;
  // Of compact strings the first byte counts itself and what follows.
  const groupAt = transactionalIdAt + frame[transactionalIdAt]!;
  const producerIdAt = groupAt + frame[groupAt]!;
  changed.writeInt32BE(1, producerIdAt + 8 + 2);
  return changed;
}

/** Which request an answer answers. */
export function answeredCorrelation(frame: Buffer): number {
  return frame.readInt32BE(LENGTH_BYTES);
}

/** An address as brokers name it. */
export interface NamedAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Puts other ports in place of those that an answer names, wherever a host stands with its port after it. Host and
 * length stay, so that this holds for every version of every answer that names brokers.
 */
export function withOtherPorts(
  frame: Buffer,
  ports: ReadonlyMap<number, number>,
  host = '127.0.0.1',
): Buffer {
  const changed = Buffer.from(frame);
  for (let at = changed.indexOf(host); at >= 0; at = changed.indexOf(host, at + 1)) {
    const portAt = at + host.length;
    if (portAt + 4 > changed.length) break;
    const other = ports.get(changed.readInt32BE(portAt));
    if (other !== undefined) changed.writeInt32BE(other, portAt);
  }
  return changed;
}
