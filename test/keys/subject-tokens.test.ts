/**
 * Subject tokens against node:crypto, step by step as the design says them.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { addSubjectTokenEpoch, createKeyringFile, loadKeyring } from '../../keys/keyring.ts';
import type { SubjectTokens } from '../../keys/subject-tokens.ts';
import { subjectRoot, tokenByHand } from '../support/token-oracle.ts';

let folder: string;
let file: string;
let tokens: SubjectTokens;
let root: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gauze-tokens-'));
  file = join(folder, 'keyring.json');
  await createKeyringFile(file, ['research']);
  tokens = (await loadKeyring(file)).subjectTokens();
  ({ root } = await subjectRoot(file));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface KeyringText {
  subjectTokens: { epoch: number; roots: Record<string, string> };
}

function token(of: SubjectTokens, space: string, text: string): string {
  const input = Buffer.from(`<${text}>`, 'utf8');
  const out = Buffer.alloc(12, 0xee);
  of.tokenInto(space, input, 1, input.length - 1, out, 2);
  expect([out[0], out[1], out[10], out[11]]).toEqual([0xee, 0xee, 0xee, 0xee]);
  return out.toString('hex', 2, 10);
}

describe('a subject token', () => {
  test('is the first 8 bytes of HMAC-SHA-256 under a key for its space and epoch, for any identifier', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 200 }),
        fc.constantFrom('patient', 'x'),
        (text, space) => {
          expect(token(tokens, space, text)).toBe(tokenByHand(root, 1, text, space).toString('hex'));
        },
      ),
      { numRuns: 500 },
    );
  });

  test('is another one in another space and in another epoch, and no pseudonym of any audience', async () => {
    const keyring = JSON.parse(await readFile(file, 'utf8')) as KeyringText;
    keyring.subjectTokens.epoch = 2;
    keyring.subjectTokens.roots['2'] = keyring.subjectTokens.roots['1']!;
    const second = join(folder, 'second.json');
    await writeFile(second, JSON.stringify(keyring), { mode: 0o600 });
    const ring = await loadKeyring(second);
    const pseudonym = Buffer.alloc(16);
    ring.audience('research').pseudonyms('patient').hashInto(Buffer.from('P-1'), 0, 3, pseudonym, 0);
    const all = [
      token(tokens, 'patient', 'P-1'),
      token(tokens, 'mrn', 'P-1'),
      token(ring.subjectTokens(), 'patient', 'P-1'),
      pseudonym.toString('hex', 0, 8),
    ];
    expect(ring.subjectTokens().epoch).toBe(2);
    expect(new Set(all).size).toBe(4);
  });

  test('needs a root of its own: a keyring without one is refused', async () => {
    const { subjectTokens: _, ...rest } = JSON.parse(await readFile(file, 'utf8')) as KeyringText;
    const without = join(folder, 'without.json');
    await writeFile(without, JSON.stringify(rest), { mode: 0o600 });
    const ring = await loadKeyring(without);
    expect(() => ring.subjectTokens()).toThrow(expect.objectContaining({ code: 'ERR_KEY_MISSING' }));
  });

  test('comes from an object that prints nothing of its key', () => {
    expect(inspect(tokens, { depth: 9, showHidden: true })).toBe('[hidden]');
    expect(JSON.stringify({ tokens })).toBe('{"tokens":"[hidden]"}');
  });
});

test('a new key epoch is the one in use, and tokens of older ones are still made as before', async () => {
  const ring = join(folder, 'rotated.json');
  await createKeyringFile(ring, ['research']);
  const before = await subjectRoot(ring);
  expect(await addSubjectTokenEpoch(ring)).toBe(2);
  const after = await subjectRoot(ring);
  const rotated = await loadKeyring(ring);
  expect(rotated.subjectTokens().epoch).toBe(2);
  expect(rotated.subjectTokenEpochs().map(({ epoch }) => epoch)).toEqual([2, 1]);
  const [newest, oldest] = rotated.subjectTokenEpochs().map((each) => token(each, 'patient', 'P-1'));
  expect(newest).toBe(tokenByHand(after.root, 2, 'P-1').toString('hex'));
  expect(oldest).toBe(tokenByHand(before.root, 1, 'P-1').toString('hex'));
});
