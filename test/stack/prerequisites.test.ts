/**
 * What the stack says when the machine lacks something: everything at once, with commands.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { GauzeError } from '../../platform/errors.ts';
import { findJavas, findPrerequisites, prerequisiteError } from '../../stack/prerequisites.ts';
import type { JavaHome } from '../../stack/prerequisites.ts';

test('names all that is missing in one message, with a command for each', () => {
  const error = prerequisiteError(['java-registry', 'maven', 'redis'], 'linux');
  expect(error.code).toBe('ERR_STACK_PREREQUISITE');
  for (const word of ['JDK of version 21', 'mvn', 'redis-server']) expect(error.message).toContain(word);
  for (const name of ['openjdk-21-jdk-headless', 'maven', 'redis-server']) {
    expect(error.action).toContain(`apt-get install -y ${name}`);
  }
});

test('gives the commands of the system it runs on', () => {
  expect(prerequisiteError(['redis'], 'darwin').action).toBe('brew install redis');
});

test('a machine without a JDK, or with one that is too old, is told which it lacks and how to get it', () => {
  const needs = { kafka: true, registry: true, redis: false, maven: false };
  const thrown = (...javas: readonly JavaHome[]): GauzeError | null => {
    try {
      findPrerequisites(needs, () => javas);
      return null;
    } catch (error) {
      return error as GauzeError;
    }
  };
  expect(thrown()?.message).toBe(
    'The local stack cannot start; missing: a JDK of version 17 or later (Kafka); a JDK of version 21 or later (schema registry).',
  );
  const old = thrown({ path: '/nowhere', version: 17 });
  expect(old).toMatchObject({ code: 'ERR_STACK_PREREQUISITE' });
  expect(old?.message).not.toContain('Kafka');
  expect(old?.message).toContain('a JDK of version 21 or later (schema registry)');
  expect(old?.action).toMatch(/^(apt-get install -y openjdk-21|brew install openjdk@21)/);
  expect(thrown({ path: '/nowhere', version: 21 })).toBeNull();
});

test('prefers the newest Java and takes JAVA_HOME into account', () => {
  const home = mkdtempSync(join(tmpdir(), 'gauze-java-'));
  try {
    mkdirSync(join(home, 'bin'));
    writeFileSync(join(home, 'bin', 'java'), '');
    writeFileSync(join(home, 'release'), 'IMPLEMENTOR="Nobody"\nJAVA_VERSION="999.0.1"\n');
    expect(findJavas(home)[0]).toEqual({ path: home, version: 999 });
    const versions = findJavas().map(({ version }) => version);
    expect(versions).toEqual(versions.toSorted((one, other) => other - one));
    expect(versions).not.toContain(999);
  } finally {
    rmSync(home, { recursive: true });
  }
});
