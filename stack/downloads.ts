/**
 * Kafka and the registry from Maven Central, kept in a cache outside the work tree.
 * A download is made in a directory of its own and then renamed into place, so two starts at once cannot
 * leave half of one: the later finds the place taken and uses what is there.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { environment } from '../platform/config.ts';
import { GauzeError } from '../platform/errors.ts';
import { KAFKA_VERSION, REGISTRY_VERSION } from './broker-settings.ts';

/** Where the parts of the stack lie in the cache. */
export interface CachePaths {
  /** Directory of jars: the class path of the broker, its tools, and the Java clients. */
  readonly kafkaLibs: string;
  /** Directory with quarkus-run.jar. */
  readonly registry: string;
}

/** Changes when the content of a download changes while its version does not. */
const KAFKA_LAYOUT = 1;

/** The cache directory: under XDG_CACHE_HOME where it is set (XDG Base Directory Specification), else ~/.cache. */
export function cachePaths(): CachePaths {
  const cache = environment('XDG_CACHE_HOME') ?? join(homedir(), '.cache');
  return {
    kafkaLibs: join(cache, 'gauze', `kafka-${KAFKA_VERSION}-${KAFKA_LAYOUT}`),
    registry: join(cache, 'gauze', `apicurio-${REGISTRY_VERSION}`),
  };
}

/** What of the two is not in the cache yet. */
export function missingDownloads(paths: CachePaths): { kafka: boolean; registry: boolean } {
  return { kafka: !existsSync(paths.kafkaLibs), registry: !existsSync(paths.registry) };
}

/** Broker, tools and Java clients. @throws GauzeError ERR_STACK_DOWNLOAD */
export async function fetchKafka(paths: CachePaths): Promise<void> {
  await intoPlace(paths.kafkaLibs, `Apache Kafka ${KAFKA_VERSION}`, async (directory) => {
    await writeFile(join(directory, 'pom.xml'), kafkaPom());
    await maven(directory, ['dependency:copy-dependencies', '-DoutputDirectory=content']);
  });
}

/** The registry, unpacked. @throws GauzeError ERR_STACK_DOWNLOAD */
export async function fetchRegistry(paths: CachePaths): Promise<void> {
  await intoPlace(paths.registry, `Apicurio Registry ${REGISTRY_VERSION}`, async (directory) => {
    const artifact = `io.apicurio:apicurio-registry-app:${REGISTRY_VERSION}:tar.gz:all`;
    await writeFile(join(directory, 'pom.xml'), pom([]));
    await maven(directory, [
      'dependency:copy',
      `-Dartifact=${artifact}`,
      '-DoutputDirectory=.',
      '-Dmdep.stripVersion=true',
    ]);
    await mkdir(join(directory, 'content'));
    await run(directory, 'tar', ['xzf', 'apicurio-registry-app-all.tar.gz', '-C', 'content']);
  });
}

/** Lets `make` fill `content/` of a fresh directory, and moves that to `target` in one step. */
async function intoPlace(
  target: string,
  name: string,
  make: (directory: string) => Promise<void>,
): Promise<void> {
  if (existsSync(target)) return;
  await mkdir(join(target, '..'), { recursive: true });
  const directory = await mkdtemp(`${target}.part-`);
  try {
    await make(directory);
    await rename(join(directory, 'content'), target);
  } catch {
    if (!existsSync(target)) throw new GauzeError('ERR_STACK_DOWNLOAD', { setting: name });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function maven(directory: string, args: readonly string[]): Promise<void> {
  await run(directory, 'mvn', ['-q', '-B', '-f', 'pom.xml', ...args]);
}

async function run(directory: string, command: string, args: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const child = spawn(command, args, { cwd: directory, stdio: 'ignore' });
    child.on('error', reject);
    child.on('exit', (status) => {
      if (status === 0) resolve();
      else reject(new GauzeError('ERR_STACK_DOWNLOAD', { setting: command }));
    });
  });
}

function kafkaPom(): string {
  return pom([
    ['org.apache.kafka', 'kafka_2.13', KAFKA_VERSION],
    ['org.apache.kafka', 'kafka-tools', KAFKA_VERSION],
    // Without a binding the broker logs nothing, not even why it does not start.
    ['org.apache.logging.log4j', 'log4j-slf4j-impl', '2.25.4'],
  ]);
}

function pom(dependencies: readonly (readonly [group: string, artifact: string, version: string])[]): string {
  const rows = dependencies.map(
    ([group, artifact, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  );
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>',
    '<groupId>local</groupId><artifactId>stack</artifactId><version>1</version>',
    `<dependencies>${rows.join('')}</dependencies></project>`,
  ].join('\n');
}
