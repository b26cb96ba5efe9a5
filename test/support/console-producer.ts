/**
 * Kafka's own console producer: records as a JVM client writes and packs them.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loginOf, testStack } from './stack.ts';

export type JvmCodec = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd';

/** True where the stack brings Kafka's tools along. */
export function hasKafkaTools(): boolean {
  return testStack().kafkaLibs !== '';
}

/** Writes each line as a record without key, packed with `codec`. */
export async function produceLines(topic: string, codec: JvmCodec, lines: readonly string[]): Promise<void> {
  const { java, kafkaLibs, brokers } = testStack();
  const { username, password } = loginOf('admin');
  const directory = await mkdtemp(join(tmpdir(), 'gauze-console-'));
  try {
    const config = join(directory, 'client.properties');
    const jaas = `org.apache.kafka.common.security.scram.ScramLoginModule required username="${username}" password="${password}";`;
    const settings = `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\nsasl.jaas.config=${jaas}\n`;
    await writeFile(config, `${settings}linger.ms=200\n`, { mode: 0o600 });
    const tool = 'org.apache.kafka.tools.ConsoleProducer';
    const options = ['--bootstrap-server', brokers.join(','), '--topic', topic, '--command-config', config];
    const args = ['-Xmx256m', '-cp', `${kafkaLibs}/*`, tool, ...options, '--compression-codec', codec];
    const child = spawn(java, args, { stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin.end(`${lines.join('\n')}\n`);
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`the console producer ended with ${code}`);
  } finally {
    await rm(directory, { recursive: true });
  }
}
