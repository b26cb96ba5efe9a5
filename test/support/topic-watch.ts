/**
 * Reads along in every topic of a prefix while it is there, by Kafka's own Java consumer: everything that was ever
 * appended, aborted records included, and which of it was committed. For topics that are gone when a test looks.
 */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { loginOf, testStack } from './stack.ts';

export interface WatchedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Broker's time of append. */
  readonly appendMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

const SOURCE = fileURLToPath(new URL('java/TopicWatch.java', import.meta.url));

export class TopicWatch {
  /** By topic, in the order in which they were seen; whether committed or not. */
  readonly records = new Map<string, WatchedRecord[]>();
  /** What a consumer of committed records was given. */
  readonly committed = new Map<string, WatchedRecord[]>();
  /** Ids of the schemas that values were seen with. */
  readonly schemaIds = new Set<number>();
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<number | null>;
  #waiting: Buffer = Buffer.alloc(0);
  #problems = '';

  constructor(prefix: string, username = 'admin') {
    const { brokers, java, kafkaLibs } = testStack();
    const options = ['-Xmx384m', '-XX:+UseSerialGC', '-Dorg.apache.logging.log4j.level=OFF'];
    const args = [...options, '-cp', `${kafkaLibs}/*`, SOURCE, brokers.join(','), username, prefix];
    this.#child = spawn(java, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stdin.write(`${loginOf(username).password}\n`);
    this.#child.stdout.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#child.stderr.on('data', (chunk: Buffer) => (this.#problems += chunk.toString()));
    this.#ended = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  /** How many records of a topic were seen. */
  count(topic: string): number {
    return this.records.get(topic)?.length ?? 0;
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    const code = await this.#ended;
    if (code !== 0) throw new Error(`the Java watcher ended with ${code}: ${this.#problems}`);
  }

  #take(chunk: Buffer): void {
    this.#waiting = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
    let at = 0;
    for (let frame = frameAt(this.#waiting, at); frame; frame = frameAt(this.#waiting, at)) {
      at = frame.end;
      const target = frame.isCommitted ? this.committed : this.records;
      if (frame.record.value) this.schemaIds.add(frame.record.value.readInt32BE(1));
      const known = target.get(frame.record.topic);
      if (known) known.push(frame.record);
      else target.set(frame.record.topic, [frame.record]);
    }
    this.#waiting = this.#waiting.subarray(at);
  }
}

interface Frame {
  readonly record: WatchedRecord;
  readonly isCommitted: boolean;
  readonly end: number;
}

/** The frame at a place, or null where it is not all there. */
function frameAt(bytes: Buffer, start: number): Frame | null {
  let at = start + 1;
  let isWhole = true;
  const skip = (length: number): number => {
    at += length;
    isWhole &&= at <= bytes.length;
    return at - length;
  };
  const field = (): Buffer | null => {
    const head = skip(4);
    const length = isWhole ? bytes.readInt32BE(head) : -1;
    if (length < 0) return null;
    const from = skip(length);
    // A copy: a part of a large chunk would keep all of it.
    return isWhole ? Buffer.from(bytes.subarray(from, from + length)) : null;
  };
  const topic = field();
  const numbers = skip(20);
  const [key, value] = [field(), field()];
  if (!isWhole || topic === null) return null;
  return {
    record: {
      topic: topic.toString(),
      partition: bytes.readInt32BE(numbers),
      offset: Number(bytes.readBigInt64BE(numbers + 4)),
      appendMs: Number(bytes.readBigInt64BE(numbers + 12)),
      key,
      value,
    },
    isCommitted: bytes[start] === 1,
    end: at,
  };
}
