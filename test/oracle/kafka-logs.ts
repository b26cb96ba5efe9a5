/**
 * Topics and group offsets read by Kafka's own Java client (LogDump.java) into files, and records out of those files
 * one by one: a million fit any memory. Shares no code with gauze.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LogPartition, LogRecord, LogSource } from './log-source.ts';

const SOURCE = fileURLToPath(new URL('LogDump.java', import.meta.url));
const CHUNK_BYTES = 1 << 20;

/** Of the stack, what is needed to read it. */
export interface ReadableStack {
  readonly brokers: readonly string[];
  /** `bin/java` of a JDK. */
  readonly java: string;
  /** Directory of the jars of Kafka's clients. */
  readonly kafkaLibs: string;
  readonly logins: Readonly<Record<string, { readonly username: string; readonly password: string }>>;
}

/** What was read; `close` removes it. */
export class KafkaLogs implements LogSource {
  private readonly directory: string;
  private readonly files = new Map<LogPartition, number>();
  private readonly offsets = new Map<string, number>();

  private constructor(directory: string) {
    this.directory = directory;
    for (const line of readFileSync(join(directory, 'index.tsv'), 'utf8').split('\n')) {
      const [kind, ...cells] = line.split('\t');
      if (kind === 'offset') this.offsets.set(cells.slice(0, 3).join('\t'), Number(cells[3]));
      if (kind === 'partition') this.files.set(partitionOf(cells), Number(cells[0]));
    }
  }

  /**
   * Reads topics, whether they are there or not, with the sanitized topics of each; and the offsets of all groups whose
   * names begin so. With the log-in of `username`, which must be one of SCRAM.
   */
  static async read(
    stack: ReadableStack,
    wanted: { readonly topics: readonly string[]; readonly groups: string },
    username = 'admin',
  ): Promise<KafkaLogs> {
    const login = stack.logins[username];
    if (!login) throw new Error(`the stack has no user ${username}`);
    if (stack.java === '')
      throw new Error('no JDK is known to this stack: the oracle reads by the Java client');
    const directory = await mkdtemp(join(tmpdir(), 'gauze-oracle-'));
    const what = [...wanted.topics.map((name) => `topic=${name}`), `groups=${wanted.groups}`];
    const args = [
      '-Xmx512m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-cp',
      `${stack.kafkaLibs}/*`,
      SOURCE,
      stack.brokers.join(','),
      username,
    ];
    const child = spawn(stack.java, [...args, directory, ...what], { stdio: ['pipe', 'ignore', 'pipe'] });
    child.stdin.end(login.password);
    const problems: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => problems.push(chunk));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    if (code !== 0)
      throw new Error(`the Java client ended with ${code}: ${Buffer.concat(problems).toString()}`);
    return new KafkaLogs(directory);
  }

  partitions(topic: string): readonly LogPartition[] {
    return [...this.files.keys()].filter((each) => each.topic === topic);
  }

  committed(at: LogPartition): Iterable<LogRecord> {
    return recordsOf(this.fileOf(at, 'committed'));
  }

  others(at: LogPartition): Iterable<LogRecord> {
    return recordsOf(this.fileOf(at, 'others'));
  }

  groupOffset(group: string, topic: string, partition: number): number | null {
    return this.offsets.get(`${group}\t${topic}\t${partition}`) ?? null;
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  private fileOf(at: LogPartition, kind: 'committed' | 'others'): string {
    return join(this.directory, `${this.files.get(at)!}.${kind}`);
  }
}

function partitionOf(cells: readonly string[]): LogPartition {
  const [, topic, id, partition, start, stable, end] = cells as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return {
    topic,
    topicId: Buffer.from(id, 'base64url').toString('hex'),
    partition: Number(partition),
    startOffset: Number(start),
    stableOffset: Number(stable),
    endOffset: Number(end),
  };
}

/** Reads a file piece by piece; what it yields are copies, so that they may be kept. */
function* recordsOf(file: string): Generator<LogRecord> {
  const bytes = new FileBytes(file);
  try {
    while (bytes.has(8)) {
      const offset = bytes.long();
      const timestampMs = bytes.long();
      const isAppendTime = bytes.byte() === 1;
      const [key, value] = [bytes.field(), bytes.field()];
      const headers = Array.from(
        { length: bytes.int() },
        () => [String(bytes.field()), bytes.field()] as const,
      );
      yield { offset, timestampMs, isAppendTime, key, value, headers };
    }
  } finally {
    bytes.close();
  }
}

class FileBytes {
  private readonly file: number;
  private buffer = Buffer.alloc(0);
  private at = 0;

  constructor(path: string) {
    this.file = openSync(path, 'r');
  }

  /** False at the end of the file. Throws where it ends in the middle of something. */
  has(count: number): boolean {
    while (this.buffer.length - this.at < count) {
      const rest = this.buffer.subarray(this.at);
      const more = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, count));
      const read = readSync(this.file, more);
      if (read === 0 && rest.length === 0) return false;
      if (read === 0) throw new Error('a dumped log ends in the middle of a record');
      this.buffer = Buffer.concat([rest, more.subarray(0, read)]);
      this.at = 0;
    }
    return true;
  }

  long(): number {
    return Number(this.take(8).readBigInt64BE());
  }

  int(): number {
    return this.take(4).readInt32BE();
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  field(): Buffer | null {
    const length = this.int();
    return length < 0 ? null : this.take(length);
  }

  close(): void {
    closeSync(this.file);
  }

  private take(count: number): Buffer {
    if (count > 0 && !this.has(count)) throw new Error('a dumped log ends in the middle of a record');
    this.at += count;
    return this.buffer.subarray(this.at - count, this.at);
  }
}
