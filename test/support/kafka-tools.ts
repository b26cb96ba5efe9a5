/** Kafka's own command-line tools on the test stack, as its operators run them, by its super user. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inTime } from './in-time.ts';
import { loginOf, testStack } from './stack.ts';

const TOOL_MAX_MS = 90_000;

/** A place where `find-hanging` has found a transaction. */
export interface HangingTransaction {
  readonly topic: string;
  readonly partition: number;
  readonly startOffset: number;
}

/** What `kafka-transactions.sh` prints to standard output; throws where it fails. */
export async function kafkaTransactions(...args: readonly string[]): Promise<string> {
  const { brokers, java, kafkaLibs } = testStack();
  const folder = await mkdtemp(join(tmpdir(), 'gauze-kafka-tools-'));
  try {
    const config = join(folder, 'client.properties');
    await writeFile(config, clientProperties(), { mode: 0o600 });
    const tool = ['-Xmx256m', '-cp', `${kafkaLibs}/*`, 'org.apache.kafka.tools.TransactionsCommand'];
    const site = ['--bootstrap-server', brokers.join(','), '--command-config', config];
    const child = spawn(java, [...tool, ...site, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    let problems = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (problems += chunk.toString()));
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const code = await inTime(closed, TOOL_MAX_MS, `kafka-transactions.sh ${args[0]} ends`);
    if (code !== 0) throw new Error(`kafka-transactions.sh ${args[0]} ended with ${code}: ${problems}`);
    return printed;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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

function clientProperties(): string {
  const { username, password } = loginOf('admin') as { username: string; password: string };
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required';
  return `security.protocol=SASL_PLAINTEXT
sasl.mechanism=SCRAM-SHA-256
sasl.jaas.config=${scram} username="${username}" password="${password}";
`;
}
