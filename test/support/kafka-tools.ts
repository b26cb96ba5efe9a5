/** Kafka's own command-line tools on the test stack, as its operators and JVM clients run them, by its super user. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inTime } from './in-time.ts';
import { loginOf, testStack } from './stack.ts';

export type JvmCodec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** A place where `find-hanging` has found a transaction. */
export interface HangingTransaction {
  readonly topic: string;
  readonly partition: number;
  readonly startOffset: number;
}

const TOOL_MAX_MS = 90_000;

/** True where the stack brings Kafka's tools along. */
export function hasKafkaTools(): boolean {
  return testStack().kafkaLibs !== '';
}

/** Writes each line as a record without key, packed with `codec`: as a JVM client writes and packs them. */
export async function produceLines(topic: string, codec: JvmCodec, lines: readonly string[]): Promise<void> {
  await runTool('ConsoleProducer', ['--topic', topic, '--compression-codec', codec], {
    settings: 'linger.ms=200\n',
    input: `${lines.join('\n')}\n`,
  });
}

/** What `kafka-transactions.sh` prints to standard output; throws where it fails. */
export async function kafkaTransactions(...args: readonly string[]): Promise<string> {
  return await runTool('TransactionsCommand', args);
}

/** `kafka-transactions.sh find-hanging`, however young they are. */
export async function findHanging(brokerId: number): Promise<readonly HangingTransaction[]> {
  const age = ['--max-transaction-timeout', '0'];
  const table = await kafkaTransactions('find-hanging', '--broker-id', String(brokerId), ...age);
  const [head = '', ...rows] = table.trim().split('\n');
  const names = head.trim().split(/\s+/);
  return rows.map((row) => {
    const cells = row.trim().split(/\s+/);
    const cell = (name: string): string => cells[names.indexOf(name)] ?? '';
    return {
      topic: cell('Topic'),
      partition: Number(cell('Partition')),
      startOffset: Number(cell('StartOffset')),
    };
  });
}

/** What a tool prints to standard output. `settings`: more of its client's. */
async function runTool(
  tool: string,
  args: readonly string[],
  { settings = '', input = '' }: { settings?: string; input?: string } = {},
): Promise<string> {
  const { brokers, java, kafkaLibs } = testStack();
  const folder = await mkdtemp(join(tmpdir(), 'gauze-kafka-tools-'));
  try {
    const config = join(folder, 'client.properties');
    await writeFile(config, `${logInSettings()}${settings}`, { mode: 0o600 });
    const program = ['-Xmx256m', '-cp', `${kafkaLibs}/*`, `org.apache.kafka.tools.${tool}`];
    const site = ['--bootstrap-server', brokers.join(','), '--command-config', config];
    const child = spawn(java, [...program, ...site, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.end(input);
    let printed = '';
    let problems = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (problems += chunk.toString()));
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const code = await inTime(closed, TOOL_MAX_MS, `${tool} ends`).finally(() => child.kill('SIGKILL'));
    if (code !== 0) throw new Error(`${tool} ended with ${code}: ${problems}`);
    return printed;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function logInSettings(): string {
  const { username, password } = loginOf('admin') as { username: string; password: string };
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required';
  return `security.protocol=SASL_PLAINTEXT
sasl.mechanism=SCRAM-SHA-256
sasl.jaas.config=${scram} username="${username}" password="${password}";
`;
}
