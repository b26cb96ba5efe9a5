/**
 * The start-up program of the apache/kafka image (kafka.docker.KafkaDockerWrapper, which ships in the broker's jar)
 * reads the environment of docker-compose.yml as exactly the settings of the table. No image is pulled.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { brokerSettings, loginSettings } from '../../stack/broker-settings.ts';
import { composeEnvironment } from '../../stack/compose-file.ts';
import { testStack } from '../support/stack.ts';

const LOG4J =
  'Configuration: { Properties: { Property: [] }, Appenders: {}, Loggers: { Root: { level: INFO }, Logger: [] } }\n';

test('the Kafka image takes the compose environment as the settings of the table', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gauze-compose-'));
  try {
    for (const part of ['defaults', 'mounted', 'final']) mkdirSync(join(directory, part));
    writeFileSync(join(directory, 'defaults', 'server.properties'), '');
    for (const name of ['log4j2.yaml', 'tools-log4j2.yaml']) {
      writeFileSync(join(directory, 'defaults', name), LOG4J);
    }
    const environment = Object.fromEntries(
      Object.entries(composeEnvironment()).map(([name, value]) => [name, withPassword(value)]),
    );
    environment['KAFKA_LOG_DIRS'] = join(directory, 'data');
    const { java, kafkaLibs } = testStack();
    const command = ['setup', '-D', 'defaults', '-M', 'mounted', '-F', 'final'];
    const result = spawnSync(
      java,
      ['-Xmx128m', '-cp', `${kafkaLibs}/*`, 'kafka.docker.KafkaDockerWrapper', ...command],
      { cwd: directory, env: environment, stdio: 'ignore' },
    );
    expect(result.status).toBe(0);
    const written = readFileSync(join(directory, 'final', 'server.properties'), 'utf8');
    const rows = written.split('\n').filter((line) => line.includes('='));
    expect(new Map(rows.map(splitRow))).toEqual(expectedSettings(join(directory, 'data')));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** Fills in the variable as compose would. */
function withPassword(value: string): string {
  return value.replaceAll(/\$\{GAUZE_STACK_PASSWORD:[^}]*\}/g, 'pw');
}

function splitRow(line: string): [string, string] {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1)];
}

function expectedSettings(logDirectory: string): Map<string, string> {
  const settings = brokerSettings({
    nodeId: 1,
    roles: 'broker,controller',
    clientBind: '0.0.0.0:9092',
    clientAdvertised: '127.0.0.1:9092',
    controllerBind: '127.0.0.1:9093',
    quorumVoter: '1@127.0.0.1:9093',
    logDirectory,
  });
  return new Map([...settings, ...loginSettings({ superUser: 'admin-pw', plainUser: 'plain-app-pw' })]);
}
