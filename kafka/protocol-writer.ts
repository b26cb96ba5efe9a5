/**
 * Writes the primitive types of the Kafka protocol into one growing buffer.
 * "Compact" forms carry their length plus one as an unsigned varint (KIP-482).
 * https://kafka.apache.org/protocol#protocol_types
 */
export class ProtocolWriter {
  private buffer: Buffer;
  private position = 0;

  constructor(initialBytes = 256) {
    this.buffer = Buffer.allocUnsafe(initialBytes);
  }

  int8(value: number): this {
    this.room(1);
    this.position = this.buffer.writeInt8(value, this.position);
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  int16(value: number): this {
    this.room(2);
    this.position = this.buffer.writeInt16BE(value, this.position);
    return this;
  }

  int32(value: number): this {
    this.room(4);
    this.position = this.buffer.writeInt32BE(value, this.position);
    return this;
  }

  int64(value: bigint | number): this {
    this.room(8);
    this.position = this.buffer.writeBigInt64BE(BigInt(value), this.position);
    return this;
  }

  unsignedVarint(value: number): this {
    this.room(5);
    let rest = value;
    while (rest > 127) {
      this.buffer[this.position++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.buffer[this.position++] = rest;
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.room(bytes.length);
    this.buffer.set(bytes, this.position);
    this.position += bytes.length;
    return this;
  }

  /** STRING: int16 length and UTF-8 bytes. */
  string(text: string): this {
    const bytes = Buffer.from(text);
    return this.int16(bytes.length).raw(bytes);
  }

  /** BYTES: int32 length and the bytes. */
  bytes(value: Uint8Array): this {
    return this.int32(value.length).raw(value);
  }

  /** COMPACT_STRING or COMPACT_NULLABLE_STRING. */
  compactString(text: string | null): this {
    if (text === null) return this.unsignedVarint(0);
    const bytes = Buffer.from(text);
    return this.unsignedVarint(bytes.length + 1).raw(bytes);
  }

  compactBytes(value: Uint8Array): this {
    return this.unsignedVarint(value.length + 1).raw(value);
  }

  /** A topic id as 32 hex digits. */
  uuid(hex: string): this {
    return this.raw(Buffer.from(hex, 'hex'));
  }

  compactArray<T>(items: readonly T[], write: (item: T) => void): this {
    this.unsignedVarint(items.length + 1);
    for (const item of items) write(item);
    return this;
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.int32(items.length);
    for (const item of items) write(item);
    return this;
  }

  /** An empty set of tagged fields. */
  noTags(): this {
    return this.unsignedVarint(0);
  }

  /** The bytes written so far; valid until the next write. */
  done(): Buffer {
    return this.buffer.subarray(0, this.position);
  }

  private room(bytes: number): void {
    if (this.position + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.position + bytes));
    this.buffer.copy(larger, 0, 0, this.position);
    this.buffer = larger;
  }
}
