/**
 * The Avro library for Java, which most consumers read with: from Maven Central into the cache the first time, then one
 * Java process for all records of a test. Needs mvn and a JDK; tests say so where one is missing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const VERSION = '1.12.1';
const SOURCE = join(import.meta.dirname, 'java', 'AvroCheck.java');
const LIBRARIES = join(homedir(), '.cache', 'gauze', `avro-${VERSION}`);
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>gauze</groupId><artifactId>avro-check</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.avro</groupId><artifactId>avro</artifactId><version>${VERSION}</version>
</dependency></dependencies></project>`;

/** A record and the schemas of the one who reads it and the one who wrote it. */
export interface JavaReading {
  readonly reader: string;
  readonly writer: string;
  readonly bytes: Buffer;
}

/** What Java made of it. */
export interface JavaRead {
  /** The record as Java prints it; null where it could not be read. */
  readonly record: string | null;
  readonly isCompatible: boolean;
}

/** Why nothing can be read here; null where it can. Downloads the library where it is not in the cache. */
export function javaAvroMissing(): string | null {
  if (spawnSync('java', ['-version']).error) return 'a JDK is not installed';
  if (existsSync(LIBRARIES)) return null;
  if (spawnSync('mvn', ['-v']).error) return 'mvn is not installed';
  mkdirSync(join(LIBRARIES, '..'), { recursive: true });
  const directory = mkdtempSync(`${LIBRARIES}.part-`);
  try {
    writeFileSync(join(directory, 'pom.xml'), POM);
    const args = [
      '-q',
      '-B',
      'dependency:copy-dependencies',
      '-DoutputDirectory=libs',
      '-DincludeScope=runtime',
    ];
    const { status } = spawnSync('mvn', args, { cwd: directory, timeout: 300_000 });
    if (status !== 0) return 'Maven Central is out of reach';
    // Another run may have been quicker.
    if (!existsSync(LIBRARIES)) renameSync(join(directory, 'libs'), LIBRARIES);
    return null;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Has Java read all of them. */
export function readWithJava(readings: readonly JavaReading[]): readonly JavaRead[] {
  const directory = mkdtempSync(join(tmpdir(), 'gauze-avro-'));
  try {
    const file = join(directory, 'readings');
    const line = ({ reader, writer, bytes }: JavaReading): string =>
      [Buffer.from(reader), Buffer.from(writer), bytes].map((part) => part.toString('base64')).join('\t');
    writeFileSync(file, readings.map(line).join('\n'));
    const run = spawnSync('java', ['-Xmx256m', '-cp', `${LIBRARIES}/*`, SOURCE, file], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`Java ended with ${run.status}: ${run.stderr}`);
    return run.stdout
      .trimEnd()
      .split('\n')
      .map((each) => {
        const [record = '', word] = each.split('\t');
        return { record: record === 'fails' ? null : record, isCompatible: word === 'COMPATIBLE' };
      });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
