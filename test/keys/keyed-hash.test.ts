/**
 * The keyed hash against published vectors and against node:crypto.
 */
import { describe, expect, test } from '@jest/globals';
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { HmacSha256 } from '../../keys/keyed-hash.ts';

function hash(key: Uint8Array, message: Uint8Array): string {
  const out = Buffer.alloc(16);
  new HmacSha256(key).hashInto(message, 0, message.length, out, 0);
  return out.toString('hex');
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('RFC 4231, HMAC-SHA-256', () => {
  test.each([
    ['case 1', hex('0b'.repeat(20)), Buffer.from('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b'],
    [
      'case 2',
      Buffer.from('Jefe'),
      Buffer.from('what do ya want for nothing?'),
      '5bdcc146bf60754e6a042426089575c7',
    ],
    ['case 3', hex('aa'.repeat(20)), hex('dd'.repeat(50)), '773ea91e36800e46854db8ebd09181a7'],
    [
      'case 4',
      hex('0102030405060708090a0b0c0d0e0f10111213141516171819'),
      hex('cd'.repeat(50)),
      '82558a389a443c0ea4cc819899f2083a',
    ],
    ['case 5', hex('0c'.repeat(20)), Buffer.from('Test With Truncation'), 'a3b6167473100ee06e0c796c2955552b'],
    [
      'case 6, a key longer than a block',
      hex('aa'.repeat(131)),
      Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First'),
      '60e431591ee0b67f0d8a26aacbf5b77f',
    ],
    [
      'case 7, key and data longer than a block',
      hex('aa'.repeat(131)),
      Buffer.from(
        'This is a test using a larger than block-size key and a larger than block-size data. ' +
          'The key needs to be hashed before being used by the HMAC algorithm.',
      ),
      '9b09ffa71b942fcb27635fbcd5b0e944',
    ],
  ])('gives %s', (_name, key, data, expected) => {
    expect(hash(key, data)).toBe(expected);
  });
});

const WYCHEPROOF = new URL('../../../shared/data/wycheproof/hmac_sha256_test.json', import.meta.url);
const withVectors = existsSync(WYCHEPROOF) ? test : test.skip;

interface Vectors {
  testGroups: {
    tagSize: number;
    tests: { tcId: number; key: string; msg: string; tag: string; result: string }[];
  }[];
}

withVectors('agrees with every Wycheproof vector (skipped where shared/data/wycheproof is absent)', () => {
  const { testGroups } = JSON.parse(readFileSync(WYCHEPROOF, 'utf8')) as Vectors;
  let seen = 0;
  for (const { tagSize, tests } of testGroups) {
    for (const vector of tests) {
      // A tag of 32 bytes may be wrong in the half that we do not keep.
      if (vector.result !== 'valid' && tagSize !== 128) continue;
      const own = hash(Buffer.from(vector.key, 'hex'), Buffer.from(vector.msg, 'hex'));
      expect([vector.tcId, own === vector.tag.slice(0, 32)]).toEqual([
        vector.tcId,
        vector.result === 'valid',
      ]);
      seen += 1;
    }
  }
  expect(seen).toBeGreaterThan(110);
});

test('agrees with node:crypto for every length from 0 to 300, at any place of the input and output', () => {
  const key = randomBytes(32);
  const own = new HmacSha256(key);
  for (let length = 0; length <= 300; length += 1) {
    const input = randomBytes(length + 40);
    const start = length % 7;
    const out = Buffer.alloc(48, 0xee);
    own.hashInto(input, start, start + length, out, 11);
    const expected = createHmac('sha256', key)
      .update(input.subarray(start, start + length))
      .digest()
      .subarray(0, 16);
    expect(out.subarray(11, 27)).toEqual(expected);
    expect(out.subarray(0, 11)).toEqual(Buffer.alloc(11, 0xee));
    expect(out.subarray(27)).toEqual(Buffer.alloc(21, 0xee));
  }
});

test('agrees with node:crypto for keys of 0 to 130 bytes', () => {
  const message = Buffer.from('MRN-00123456');
  for (let length = 0; length <= 130; length += 1) {
    const key = randomBytes(length);
    expect(hash(key, message)).toBe(createHmac('sha256', key).update(message).digest('hex').slice(0, 32));
  }
});

test('keeps nothing of the key and prints nothing', () => {
  const key = Buffer.from('super secret key of thirty-two b');
  const own = new HmacSha256(key);
  const expected = hash(key, Buffer.from('x'));
  key.fill(0);
  const out = Buffer.alloc(16);
  own.hashInto(Buffer.from('x'), 0, 1, out, 0);
  expect(out.toString('hex')).toBe(expected);
  expect([own.toString(), JSON.stringify(own), inspect(own, { showHidden: true, depth: 9 })]).toEqual([
    '[hidden]',
    '"[hidden]"',
    '[hidden]',
  ]);
  expect(Object.keys(own)).toEqual([]);
});
