/**
 * Keys to whom merged persons are one: whichever identifier a record has, it hashes as the one that the person goes by;
 * and a list is taken by its hash or not at all.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { AliasLists } from '../../keys/alias-lists.ts';
import { PersonKeys } from '../../keys/person-keys.ts';
import type { KeyedHash } from '../../keys/audience-keys.ts';
import { NO_ALIASES, parsePersonAliases } from '../../keys/person-aliases.ts';
import { testKeys } from '../support/test-keys.ts';

const keys = testKeys();
const CSV = ['merged,into,since', 'P-1,P-2,2026-01-01', 'P-2,P-3,2026-01-02', 'P-8,P-9,2026-01-03', ''].join(
  '\n',
);
const aliases = parsePersonAliases(Buffer.from(CSV), 'merges.csv');
const aliased = new PersonKeys(keys, aliases, ['patient']);
const capitals = { name: 'capitals', of: (text: string) => text.toUpperCase() };

function hashed(hash: KeyedHash, text: string): string {
  const input = Buffer.from(`xx${text}yy`);
  const out = Buffer.alloc(16);
  hash.hashInto(input, 2, input.length - 2, out, 0);
  return out.toString('hex');
}

const own = (id: string): string => hashed(keys.pseudonyms('patient'), id);

describe('merged identifiers', () => {
  test('hash as the one that the person goes by in the end; everybody else as before', () => {
    const hash = aliased.pseudonyms('patient');
    expect(['P-1', 'P-2', 'P-3'].map((id) => hashed(hash, id))).toEqual(Array(3).fill(own('P-3')));
    expect(['P-8', 'P-9'].map((id) => hashed(hash, id))).toEqual([own('P-9'), own('P-9')]);
    for (const id of ['P-4', 'P-', 'P-11', '', 'p-1']) expect(hashed(hash, id)).toBe(own(id));
  });

  test('shift dates as one person, and leave domains that are not of persons alone', () => {
    const shift = (id: string): string => hashed(aliased.dateShifts('patient'), id);
    expect(shift('P-1')).toBe(hashed(keys.dateShifts('patient'), 'P-3'));
    expect(aliased.pseudonyms('mrn')).toBe(keys.pseudonyms('mrn'));
    expect(aliased).toMatchObject({ audience: 'research', epoch: 1 });
  });

  test('are the same object at each call, so that all plans share what was looked up', () => {
    expect(aliased.pseudonyms('patient')).toBe(aliased.pseudonyms('patient'));
    expect(aliased.pseudonyms('patient', capitals)).not.toBe(aliased.pseudonyms('patient'));
  });

  test('are found as the policy writes identifiers, and survivors hash so too', () => {
    const lower = parsePersonAliases(Buffer.from('merged,into,since\np-1,p-2,2026-01-01\n'), 'merges.csv');
    const hash = new PersonKeys(keys, lower, ['patient']).pseudonyms('patient', capitals);
    expect(hashed(hash, 'P-1')).toBe(own('P-2'));
  });

  test('shift dates alike however a record writes the person, and only with the text that is asked for', () => {
    const persons = new PersonKeys(keys, aliases, ['patient'], capitals);
    const shift = (each: PersonKeys, id: string): string => hashed(each.dateShifts('patient'), id);
    const survivor = hashed(keys.dateShifts('patient'), 'P-3');
    expect(['p-1', 'P-1', 'p-2', 'p-3'].map((id) => shift(persons, id))).toEqual(Array(4).fill(survivor));
    expect(shift(persons, 'p-4')).toBe(hashed(keys.dateShifts('patient'), 'P-4'));
    expect(shift(aliased, 'p-1')).not.toBe(survivor);
  });

  test('are refused where normalising makes one identifier of two persons', () => {
    const rows = ['merged,into,since', 'p-1,P-7,2026-01-01', 'P-1,P-8,2026-01-01', ''].join('\n');
    const both = new PersonKeys(keys, parsePersonAliases(Buffer.from(rows), 'm.csv'), ['patient']);
    expect(() => both.pseudonyms('patient', capitals)).toThrow(
      expect.objectContaining({ code: 'ERR_PERSONS_AMBIGUOUS' }),
    );
    expect(() => both.pseudonyms('patient')).not.toThrow();
  });

  test('are found whatever list they stand in', () => {
    const ids = fc.uniqueArray(
      fc.string({ minLength: 1, maxLength: 5 }).filter((id) => /^[^\p{Cc}",\s]+$/u.test(id)),
      { minLength: 2, maxLength: 60 },
    );
    fc.assert(
      fc.property(ids, (list) => {
        const [survivor, ...merged] = list;
        const rows = merged.map((id) => `${id},${survivor},2026-01-01\n`).join('');
        const made = parsePersonAliases(Buffer.from(`merged,into,since\n${rows}`), 'm.csv');
        const hash = new PersonKeys(keys, made, ['patient']).pseudonyms('patient');
        for (const id of list) expect(hashed(hash, id)).toBe(own(survivor!));
        expect(hashed(hash, 'nobody-else')).toBe(own('nobody-else'));
      }),
      { numRuns: 200 },
    );
  });

  test('print nothing', () => {
    expect(inspect(aliased, { showHidden: true, depth: 9 })).toBe('[hidden]');
    expect(JSON.stringify(aliased.pseudonyms('patient'))).toBe('"[hidden]"');
    expect(new PersonKeys(keys, NO_ALIASES, ['patient']).pseudonyms('patient')).toBeDefined();
  });
});

describe('lists of merged persons', () => {
  let folder: string;
  let file: string;
  const sha256 = createHash('sha256').update(CSV).digest('hex');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gauze-lists-'));
    file = join(folder, 'merges.csv');
  });

  afterAll(async () => await rm(folder, { recursive: true, force: true }));

  test('are found by their hash, also when the file has moved on and the older one stands beside it', async () => {
    const lists = new AliasLists(file);
    expect(lists.find(sha256)).toBeNull();
    await writeFile(file, CSV, { mode: 0o600 });
    expect(lists.find(sha256)?.survivor('P-1')).toBe('P-3');
    await rename(file, `${file}.${sha256}`);
    await writeFile(file, `${CSV}P-5,P-6,2026-02-01\n`, { mode: 0o600 });
    expect(lists.find(sha256)).not.toBeNull();
    expect(new AliasLists(file).find(sha256)?.survivor('P-5')).toBe('P-5');
    expect(new AliasLists(file).find('0'.repeat(64))).toBeNull();
    expect(new AliasLists(null).find(sha256)).toBeNull();
  });

  test('are not read where others may read them, or where another text has taken the name', async () => {
    const older = `${file}.${sha256}`;
    await chmod(older, 0o644);
    expect(new AliasLists(file).find(sha256)).toBeNull();
    await chmod(older, 0o600);
    await writeFile(older, `${CSV} `);
    expect(new AliasLists(file).find(sha256)).toBeNull();
  });
});
