/**
 * All committed records of topics, read by Kafka's own Java consumer: what a test believes about a topic comes from
 * a client that shares no code with gauze.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { inTime } from './in-time.ts';
import { loginOf, testStack } from './stack.ts';

export interface DumpedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
}

/** Far more than the largest log of any test takes. */
const DUMP_MAX_MS = 90_000;

const SOURCE = fileURLToPath(new URL('java/TopicDump.java', import.meta.url));

/** Reads `topics` from beginning to end with isolation.level=read_committed, in order within each partition. */
export async function dumpTopics(
  topics: readonly string[],
  username = 'admin',
): Promise<readonly DumpedRecord[]> {
  const { brokers, java, kafkaLibs } = testStack();
  const args = ['-Xmx512m', '-cp', `${kafkaLibs}/*`, SOURCE, brokers.join(','), username, ...topics];
  const child = spawn(java, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(loginOf(username).password);
  const chunks: Buffer[] = [];
  const problems: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => problems.push(chunk));
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const code = await inTime(
    closed,
    DUMP_MAX_MS,
    `the Java consumer has read ${topics.length} topics`,
  ).finally(() => child.kill('SIGKILL'));
  if (code !== 0)
    throw new Error(`the Java consumer ended with ${code}: ${Buffer.concat(problems).toString()}`);
  return parse(Buffer.concat(chunks), topics);
}

function parse(bytes: Buffer, topics: readonly string[]): readonly DumpedRecord[] {
  const records: DumpedRecord[] = [];
  let at = 0;
  const field = (): Buffer | null => {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0) return null;
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const topic = topics[bytes.readInt32BE(at)]!;
    const partition = bytes.readInt32BE(at + 4);
    const offset = Number(bytes.readBigInt64BE(at + 8));
    const timestampMs = Number(bytes.readBigInt64BE(at + 16));
    at += 24;
    const [key, value] = [field(), field()];
    const count = bytes.readInt32BE(at);
    at += 4;
    const headers = Array.from({ length: count }, () => [String(field()), field()] as const);
    records.push({ topic, partition, offset, timestampMs, key, value, headers });
  }
  return records;
}
