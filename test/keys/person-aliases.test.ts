/**
 * Merged persons: a file of merges is read strictly or not at all, its people are found from any of their ids, and
 * nothing that goes wrong shows an id.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import {
  NO_ALIASES,
  loadPersonAliases,
  parsePersonAliases,
  tokensOfPerson,
} from '../../keys/person-aliases.ts';
import { RootSubjectTokens } from '../../keys/subject-tokens.ts';
import { GauzeErrors } from '../../platform/errors.ts';
import { tokenByHand } from '../support/token-oracle.ts';

const HEADER = 'merged,into,since';
const ROOT = Buffer.alloc(32, 7);
const TOKENS = new RootSubjectTokens(Buffer.from(ROOT), 4);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gauze-aliases-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function parse(...rows: readonly string[]) {
  return parsePersonAliases(Buffer.from([HEADER, ...rows, ''].join('\n')), 'merges.csv');
}

/** Line numbers that are complained of. */
function faults(bytes: string | Buffer): readonly number[] {
  try {
    parsePersonAliases(Buffer.from(bytes), 'merges.csv');
    return [];
  } catch (thrown) {
    if (!(thrown instanceof GauzeErrors)) throw thrown;
    expect(thrown.message).not.toMatch(/MRN/);
    expect(thrown.errors.every(({ code }) => code === 'ERR_PERSONS_LINE')).toBe(true);
    return thrown.errors.map(({ context }) => context.line!);
  }
}

describe('merged ids', () => {
  test('are one person from wherever one looks, over chains and several merges into one', () => {
    const aliases = parse(
      'MRN-3,MRN-2,2025-01-01',
      'MRN-2,MRN-1,2025-02-01T10:00:00Z',
      'MRN-9,MRN-1,2025-03-01',
    );
    for (const id of ['MRN-1', 'MRN-2', 'MRN-3', 'MRN-9']) {
      expect(aliases.idsOf(id)).toEqual(['MRN-1', 'MRN-2', 'MRN-3', 'MRN-9']);
      expect(aliases.survivor(id)).toBe('MRN-1');
    }
    expect(aliases.idsOf('MRN-4')).toEqual(['MRN-4']);
    expect(aliases.peopleAmong(['MRN-3', 'MRN-9', 'MRN-4', 'MRN-4'])).toBe(2);
  });

  test('are joined whatever order the merges stand in, as a naive closure joins them', () => {
    const forest = fc
      .uniqueArray(fc.nat(30), { minLength: 1, maxLength: 30 })
      .chain((children) =>
        fc.tuple(fc.constant(children), fc.array(fc.nat(1_000), { minLength: 30, maxLength: 30 })),
      );
    fc.assert(
      fc.property(forest, ([children, picks]) => {
        // Into a greater number only: no circle.
        const edges = children.map((child, i) => [child, child + 1 + (picks[i]! % 5)] as const);
        const aliases = parse(...edges.map(([merged, into]) => `P${merged},P${into},2025-01-01`));
        const group = new Map<number, Set<number>>();
        const of = (n: number): Set<number> => group.get(n) ?? new Set([n]);
        for (const [a, b] of edges) {
          const both = new Set([...of(a), ...of(b)]);
          for (const each of both) group.set(each, both);
        }
        for (const [id, ids] of group)
          expect([...aliases.idsOf(`P${id}`)].sort()).toEqual([...ids].map((each) => `P${each}`).sort());
      }),
    );
  });

  test('have the tokens of all ids, and one that stands for the person', () => {
    const aliases = parse('MRN-2,MRN-1,2025-01-01');
    const [one, two] = ['MRN-1', 'MRN-2'].map((id) => tokenByHand(ROOT, 4, id));
    expect(tokensOfPerson(TOKENS, aliases, 'MRN-2')).toEqual([one, two]);
    const number = (token: Buffer): bigint => token.readBigUInt64BE();
    expect(aliases.survivors(TOKENS)).toEqual(
      new Map([
        [number(one!), number(one!)],
        [number(two!), number(one!)],
      ]),
    );
    expect(tokensOfPerson(TOKENS, NO_ALIASES, 'MRN-2')).toEqual([two]);
  });

  test('are known by the hash of their file and the time of the newest merge', () => {
    const text = `${HEADER}\r\nMRN-2,MRN-1,2025-01-01\r\nMRN-3,MRN-1,2024-01-01\r\n`;
    const aliases = parsePersonAliases(Buffer.from(text), 'x');
    expect(aliases.sha256).toBe(createHash('sha256').update(text).digest('hex'));
    expect(aliases.newestMs).toBe(Date.parse('2025-01-01'));
    expect(NO_ALIASES.sha256).toBeNull();
  });

  test('are never printed', () => {
    const aliases = parse('MRN-2,MRN-1,2025-01-01');
    const shown = [
      inspect(aliases, { depth: 9, showHidden: true }),
      JSON.stringify({ aliases }),
      String(aliases),
    ];
    expect(shown.join('')).not.toMatch(/MRN/);
  });
});

describe('a file of merges is refused', () => {
  test.each<readonly [string, string | Buffer, readonly number[]]>([
    ['without its first line', 'MRN-2,MRN-1,2025-01-01\n', [1]],
    ['with nothing in it', '', [1]],
    ['with a byte order mark', `\uFEFF${HEADER}\n`, [1]],
    ['that is no UTF-8', Buffer.concat([Buffer.from(`${HEADER}\nMRN-`), Buffer.from([0xff])]), [1]],
    ['with an empty line', `${HEADER}\n\nMRN-2,MRN-1,2025-01-01\n`, [2]],
    ['with too few or too many values', `${HEADER}\nMRN-2,MRN-1\nMRN-2,MRN-1,2025-01-01,x\n`, [2, 3]],
    ['with quotes', `${HEADER}\n"MRN-2",MRN-1,2025-01-01\n`, [2]],
    ['with blanks around an id', `${HEADER}\nMRN-2, MRN-1,2025-01-01\n`, [2]],
    ['with an empty id', `${HEADER}\n,MRN-1,2025-01-01\n`, [2]],
    ['with a control character in an id', `${HEADER}\nMRN\t2,MRN-1,2025-01-01\n`, [2]],
    ['with a time that has no zone', `${HEADER}\nMRN-2,MRN-1,2025-01-01T10:00\n`, [2]],
    ['with a day that is none', `${HEADER}\nMRN-2,MRN-1,2025-13-01\n`, [2]],
    ['with an id merged twice', `${HEADER}\nMRN-2,MRN-1,2025-01-01\nMRN-2,MRN-3,2025-01-02\n`, [3]],
    ['with an id merged into itself', `${HEADER}\nMRN-5,MRN-1,2025-01-01\nMRN-2,MRN-2,2025-01-01\n`, [3]],
    [
      'with a circle, told at its last line',
      `${HEADER}\nMRN-0,MRN-1,2025-01-01\nMRN-1,MRN-2,2025-01-01\nMRN-3,MRN-1,2025-01-01\nMRN-2,MRN-3,2025-01-01\n`,
      [5],
    ],
    [
      'with all its faults at once',
      `${HEADER}\nMRN-1,MRN-2,2025-01-01\nMRN-2,MRN-1,2025-01-01\nMRN-7,,2025-01-01\n`,
      [3, 4],
    ],
  ])('%s', (_what, bytes, lines) => {
    expect(faults(bytes)).toEqual(lines);
  });

  test('that is not there, or that others may read; read where only its owner may', async () => {
    const file = join(folder, 'merges.csv');
    await expect(loadPersonAliases(file)).rejects.toMatchObject({ code: 'ERR_PERSONS_FILE' });
    await expect(loadPersonAliases(folder)).rejects.toMatchObject({ code: 'ERR_PERSONS_FILE' });
    await writeFile(file, `${HEADER}\nMRN-2,MRN-1,2025-01-01\n`, { mode: 0o600 });
    expect((await loadPersonAliases(file)).survivor('MRN-2')).toBe('MRN-1');
    for (const mode of [0o640, 0o604]) {
      await chmod(file, mode);
      await expect(loadPersonAliases(file)).rejects.toMatchObject({ code: 'ERR_PERSONS_FILE_PERMISSIONS' });
    }
  });
});
