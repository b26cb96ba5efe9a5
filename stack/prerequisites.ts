/**
 * What the machine must have for the embedded stack: JDKs, Maven, redis-server.
 * It only looks; it installs nothing, and it names everything that is missing in one message.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { environment } from '../platform/config.ts';
import { GauzeError } from '../platform/errors.ts';

/** A Java installation. */
export interface JavaHome {
  readonly path: string;
  /** Feature release: 17, 21, 25. */
  readonly version: number;
}

/** Least Java of the Kafka broker (KIP-1013). */
const KAFKA_JAVA = 17;
/** Least Java of Apicurio Registry 3. */
const REGISTRY_JAVA = 21;

/** Programs found. */
export interface Prerequisites {
  readonly kafkaJava: string;
  readonly registryJava: string;
  readonly redisServer: string;
}

/** What is needed in this start. */
export interface Needs {
  readonly kafka: boolean;
  readonly registry: boolean;
  readonly redis: boolean;
  /** Something has to be downloaded. */
  readonly maven: boolean;
}

/**
 * Finds the programs that `needs` asks for; paths of others are empty. `look` gives the Java installations, newest first.
 * @throws GauzeError ERR_STACK_PREREQUISITE naming all that is missing, with the command that installs each
 */
export function findPrerequisites(needs: Needs, look: () => readonly JavaHome[] = findJavas): Prerequisites {
  const javas = needs.kafka || needs.registry ? look() : [];
  const newest = javas[0];
  const missing: Missing[] = [];
  if (needs.kafka && (newest?.version ?? 0) < KAFKA_JAVA) missing.push('java-kafka');
  if (needs.registry && (newest?.version ?? 0) < REGISTRY_JAVA) missing.push('java-registry');
  if (needs.maven && !runs('mvn')) missing.push('maven');
  if (needs.redis && !runs('redis-server')) missing.push('redis');
  if (missing.length > 0) throw prerequisiteError(missing);
  const java = newest === undefined ? '' : join(newest.path, 'bin', 'java');
  return { kafkaJava: java, registryJava: java, redisServer: 'redis-server' };
}

type Missing = 'java-kafka' | 'java-registry' | 'maven' | 'redis';

const WORDS: Readonly<Record<Missing, string>> = {
  'java-kafka': `a JDK of version ${KAFKA_JAVA} or later (Kafka)`,
  'java-registry': `a JDK of version ${REGISTRY_JAVA} or later (schema registry)`,
  maven: 'mvn (downloads Kafka and the registry)',
  redis: 'redis-server 7',
};

/** One that is new enough for both. */
const DEBIAN_JAVA =
  'apt-get install -y openjdk-21-jdk-headless (Debian 12: temurin-21-jdk from packages.adoptium.net)';

const DEBIAN: Readonly<Record<Missing, string>> = {
  'java-kafka': DEBIAN_JAVA,
  'java-registry': DEBIAN_JAVA,
  maven: 'apt-get install -y maven',
  redis: 'apt-get install -y redis-server',
};

const BREW: Readonly<Record<Missing, string>> = {
  'java-kafka': 'brew install openjdk@21',
  'java-registry': 'brew install openjdk@21',
  maven: 'brew install maven',
  redis: 'brew install redis',
};

/** One error for everything that is missing. */
export function prerequisiteError(missing: readonly Missing[], system: string = platform()): GauzeError {
  const commands = system === 'darwin' ? BREW : DEBIAN;
  return new GauzeError('ERR_STACK_PREREQUISITE', {
    expected: missing.map((item) => WORDS[item]).join('; '),
    command: [...new Set(missing.map((item) => commands[item]))].join('\n'),
  });
}

function runs(program: string): boolean {
  const result = spawnSync(program, ['--version'], { stdio: 'ignore' });
  return result.error === undefined && result.status === 0;
}

/** All Java installations at the usual places, newest first; each once. */
export function findJavas(javaHome = environment('JAVA_HOME')): JavaHome[] {
  const parents = [
    '/usr/lib/jvm',
    '/usr/java',
    '/opt',
    '/opt/java',
    join(homedir(), '.sdkman/candidates/java'),
    join(homedir(), '.jdks'),
  ];
  const candidates = [
    ...(javaHome === undefined ? [] : [javaHome]),
    ...parents.flatMap((parent) => children(parent)),
    ...children('/Library/Java/JavaVirtualMachines').map((path) => join(path, 'Contents/Home')),
    ...children('/opt/homebrew/opt').filter((path) => path.includes('openjdk')),
    ...javaOnPath(),
  ];
  const homes = new Set(candidates.flatMap((path) => realPath(path)));
  return [...homes]
    .flatMap((path) => {
      const version = javaVersion(path);
      return version === null ? [] : [{ path, version }];
    })
    .sort((one, other) => other.version - one.version);
}

function children(parent: string): string[] {
  return existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name)) : [];
}

function realPath(path: string): string[] {
  return existsSync(join(path, 'bin', 'java')) ? [realpathSync(path)] : [];
}

/** The home of the `java` that the PATH leads to, as Java itself tells it. */
function javaOnPath(): string[] {
  const result = spawnSync('java', ['-XshowSettings:properties', '-version'], { encoding: 'utf8' });
  const home = /^\s*java\.home = (.+)$/m.exec(result.stderr ?? '')?.[1];
  return home === undefined ? [] : [home.trim(), dirname(home.trim())];
}

/** Feature release of a Java home, read from its `release` file; null where there is none. */
function javaVersion(path: string): number | null {
  try {
    const text = readFileSync(join(path, 'release'), 'utf8');
    const version = /^JAVA_VERSION="(\d+)/m.exec(text)?.[1];
    return version === undefined ? null : Number(version);
  } catch {
    return null;
  }
}
