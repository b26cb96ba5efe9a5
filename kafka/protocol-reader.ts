/**
 * Reads the primitive types of the Kafka protocol out of one response frame.
 * Every read is checked against the end of the frame: a short or malformed answer raises RangeError,
 * which the connection turns into ERR_KAFKA_PROTOCOL.
 * https://kafka.apache.org/protocol#protocol_types
 */
export class ProtocolReader {
  readonly buffer: Buffer;
  position: number;

  constructor(buffer: Buffer, position = 0) {
    this.buffer = buffer;
    this.position = position;
  }

  int8(): number {
    return this.buffer.readInt8(this.take(1));
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  int16(): number {
    return this.buffer.readInt16BE(this.take(2));
  }

  int32(): number {
    return this.buffer.readInt32BE(this.take(4));
  }

  int64(): bigint {
    return this.buffer.readBigInt64BE(this.take(8));
  }

  /** An offset or a time: int64 that must be a safe integer. */
  offset(): number {
    const value = Number(this.int64());
    if (!Number.isSafeInteger(value)) throw new RangeError('int64 is no safe integer');
    return value;
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.take(1)]!;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError('varint too long');
  }

  /** The next `length` bytes, not copied. */
  raw(length: number): Buffer {
    const start = this.take(length);
    return this.buffer.subarray(start, start + length);
  }

  string(): string {
    return this.raw(this.int16()).toString('utf8');
  }

  compactNullableString(): string | null {
    const length = this.unsignedVarint() - 1;
    return length < 0 ? null : this.raw(length).toString('utf8');
  }

  compactString(): string {
    return this.compactNullableString() ?? '';
  }

  /** COMPACT_BYTES or COMPACT_RECORDS; null becomes an empty buffer. */
  compactBytes(): Buffer {
    return this.raw(Math.max(0, this.unsignedVarint() - 1));
  }

  /** BYTES; null becomes an empty buffer. */
  bytes(): Buffer {
    return this.raw(Math.max(0, this.int32()));
  }

  uuid(): string {
    return this.raw(16).toString('hex');
  }

  compactArray<T>(read: () => T): T[] {
    return this.items(this.unsignedVarint() - 1, read);
  }

  array<T>(read: () => T): T[] {
    return this.items(this.int32(), read);
  }

  /** Skips tagged fields, handing each to `visit` first. */
  tags(visit?: (tag: number, length: number) => void): void {
    for (let count = this.unsignedVarint(); count > 0; count--) {
      const tag = this.unsignedVarint();
      const length = this.unsignedVarint();
      const start = this.position;
      this.raw(length);
      if (!visit) continue;
      this.position = start;
      visit(tag, length);
      this.position = start + length;
    }
  }

  /** Goes `length` bytes on; gives where they begin. */
  private take(length: number): number {
    const start = this.position;
    if (length < 0 || start + length > this.buffer.length) throw new RangeError('past the end');
    this.position = start + length;
    return start;
  }

  private items<T>(count: number, read: () => T): T[] {
    if (count > this.buffer.length - this.position) throw new RangeError('array longer than its frame');
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(read());
    return items;
  }
}
