/**
 * What the stack says when the machine lacks something: everything at once, with commands.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { findJavas, prerequisiteError } from '../../stack/prerequisites.ts';

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
