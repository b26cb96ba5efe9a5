/**
 * The HAPI FHIR validator, which shares nothing with gauze: from Maven Central into the cache the first time, then one
 * Java process for all resources of a test. Needs mvn and a JDK; tests say so where one is missing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { BALP_RESOURCES } from './balp-profiles.ts';

const VERSION = '8.4.0';
const ARTIFACTS = [
  'hapi-fhir-validation',
  'hapi-fhir-structures-r4',
  'hapi-fhir-validation-resources-r4',
  'hapi-fhir-caching-caffeine',
];
const SOURCE = join(import.meta.dirname, 'java', 'FhirCheck.java');

/** What the validator says of one resource. */
export interface FhirFinding {
  /** Number of the resource. */
  readonly resource: number;
  readonly severity: string;
  readonly place: string;
  readonly text: string;
}

/** Why nothing can be validated here; null where it can. Downloads the validator where it is not in the cache. */
export function validatorMissing(): string | null {
  if (spawnSync('java', ['-version']).error) return 'a JDK is not installed';
  if (existsSync(libraries())) return null;
  if (spawnSync('mvn', ['-v']).error) return 'mvn is not installed';
  const cache = join(libraries(), '..');
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(`${libraries()}.part-`);
  try {
    writeFileSync(join(directory, 'pom.xml'), pom());
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
    if (!existsSync(libraries())) renameSync(join(directory, 'libs'), libraries());
    return null;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Findings about resources, each the text of one, by R4 and the profiles of BALP that they claim. */
export function validateFhir(resources: readonly string[]): readonly FhirFinding[] {
  const directory = mkdtempSync(join(tmpdir(), 'gauze-fhir-'));
  try {
    const files = {
      profiles: join(directory, 'profiles.ndjson'),
      resources: join(directory, 'resources.ndjson'),
    };
    writeFileSync(files.profiles, BALP_RESOURCES.map((each) => JSON.stringify(each)).join('\n'));
    writeFileSync(files.resources, resources.join('\n'));
    const args = ['-Xmx1g', '-cp', `${libraries()}/*`, SOURCE, files.profiles, files.resources];
    const run = spawnSync('java', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    if (run.status !== 0) throw new Error(`the validator ended with ${run.status}: ${run.stderr}`);
    return run.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [resource, severity = '', place = '', text = ''] = line.split('\t');
        return { resource: Number(resource), severity, place, text };
      });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function libraries(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cache, 'gauze', `hapi-fhir-${VERSION}`);
}

function pom(): string {
  const rows = ARTIFACTS.map(
    (artifact) =>
      `<dependency><groupId>ca.uhn.hapi.fhir</groupId><artifactId>${artifact}</artifactId><version>${VERSION}</version></dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>fhir</artifactId><version>1</version>
<dependencies>${rows.join('')}</dependencies></project>`;
}
