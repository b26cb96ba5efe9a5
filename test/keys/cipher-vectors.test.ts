/**
 * The ciphers against the vectors of their standards and of Wycheproof: every valid case equal, both ways, and every
 * invalid one refused. The counts are exact: a case that is left out is seen.
 */
import { describe, expect, test } from '@jest/globals';
import { createSecretKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expanded } from '../../keys/derivation.ts';
import { Ff1Cipher, leastNumerals } from '../../keys/format-cipher.ts';
import { gcmSivDecrypt, gcmSivEncrypt, sivDecrypt, sivEncrypt } from '../../keys/siv-modes.ts';

const DATA = new URL('../../../shared/data/', import.meta.url);
const WYCHEPROOF = new URL('wycheproof/', DATA);
const NIST = new URL('nist-ff1/ff1-samples.json', DATA);
const withWycheproof = existsSync(WYCHEPROOF) ? test : test.skip;
const withNist = existsSync(NIST) ? test : test.skip;
const WHERE = '(skipped where ../shared/data is absent)';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

function read(name: string): unknown {
  const bytes = readFileSync(new URL(name, WYCHEPROOF));
  return JSON.parse((name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'));
}

/** FF1 of a text as it is: no separators. Null where it is refused. */
function ff1(
  way: 'encrypt' | 'decrypt',
  { key, tweak, alphabet }: { key: string; tweak: string; alphabet: string },
  text: string,
): string | null {
  const cipher = new Ff1Cipher(hex(key), hex(tweak), { alphabet, separators: '' });
  const bytes = Buffer.from(text, 'utf8');
  const into = way === 'encrypt' ? cipher.encryptInto.bind(cipher) : cipher.decryptInto.bind(cipher);
  return into(bytes, 0, bytes.length, bytes, 0) ? bytes.toString('utf8') : null;
}

describe('AES-SIV', () => {
  test('gives the two examples of RFC 5297, appendix A', () => {
    const one = hex('fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
    const associated = [hex('101112131415161718191a1b1c1d1e1f2021222324252627')];
    const text = sivEncrypt(one, associated, hex('112233445566778899aabbccddee'));
    expect(Buffer.from(text).toString('hex')).toBe(
      '85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c',
    );
    const other = hex('7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f');
    const parts = [
      '00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100',
      '102030405060708090a0',
      '09f911029d74e35bd84156c5635688c0',
    ].map(hex);
    const plain = Buffer.from('this is some plaintext to encrypt using SIV-AES');
    const encrypted = sivEncrypt(other, parts, plain);
    expect(Buffer.from(encrypted).toString('hex')).toBe(
      '7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17' +
        'dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d',
    );
    expect(sivDecrypt(other, parts, encrypted)).toEqual(plain);
    expect(sivDecrypt(other, parts.toReversed(), encrypted)).toBeNull();
  });

  withWycheproof(`agrees with all 442 cases of Wycheproof ${WHERE}`, () => {
    interface Case {
      tcId: number;
      key: string;
      aad: string;
      msg: string;
      ct: string;
      result: string;
    }
    const cases = (read('aes_siv_cmac_test.json') as { testGroups: { tests: Case[] }[] }).testGroups.flatMap(
      ({ tests }) => tests,
    );
    const counts = { valid: 0, invalid: 0 };
    for (const { tcId, key, aad, msg, ct, result } of cases) {
      const opened = sivDecrypt(hex(key), [hex(aad)], hex(ct));
      const isValid = result === 'valid';
      expect([tcId, opened?.toString('hex')]).toEqual([tcId, isValid ? msg : undefined]);
      const text = Buffer.from(sivEncrypt(hex(key), [hex(aad)], hex(msg))).toString('hex');
      expect([tcId, text === ct]).toEqual([tcId, isValid]);
      counts[isValid ? 'valid' : 'invalid'] += 1;
    }
    expect(counts).toEqual({ valid: 118, invalid: 324 });
  });
});

describe('AES-GCM-SIV', () => {
  test('gives examples of RFC 8452, appendix C.2', () => {
    const key = hex(`01${'00'.repeat(31)}`);
    const nonce = hex(`03${'00'.repeat(11)}`);
    for (const [aad, plain, sealed] of RFC_8452) {
      const text = gcmSivEncrypt(key, nonce, hex(aad), hex(plain));
      expect(Buffer.from(text).toString('hex')).toBe(sealed);
      expect(gcmSivDecrypt(key, nonce, hex(aad), text)?.toString('hex')).toBe(plain);
      text[0]! ^= 1;
      expect(gcmSivDecrypt(key, nonce, hex(aad), text)).toBeNull();
    }
  });

  withWycheproof(`agrees with all 202 cases of Wycheproof ${WHERE}`, () => {
    interface Case {
      tcId: number;
      key: string;
      iv: string;
      aad: string;
      msg: string;
      ct: string;
      tag: string;
      result: string;
    }
    const cases = (read('aes_gcm_siv_test.json') as { testGroups: { tests: Case[] }[] }).testGroups.flatMap(
      ({ tests }) => tests,
    );
    const counts = { valid: 0, invalid: 0 };
    for (const { tcId, key, iv, aad, msg, ct, tag, result } of cases) {
      const isValid = result === 'valid';
      const opened = gcmSivDecrypt(hex(key), hex(iv), hex(aad), hex(ct + tag));
      expect([tcId, opened?.toString('hex')]).toEqual([tcId, isValid ? msg : undefined]);
      if (isValid) {
        const text = Buffer.from(gcmSivEncrypt(hex(key), hex(iv), hex(aad), hex(msg)));
        expect([tcId, text.toString('hex')]).toEqual([tcId, ct + tag]);
      }
      counts[isValid ? 'valid' : 'invalid'] += 1;
    }
    expect(counts).toEqual({ valid: 136, invalid: 66 });
  });
});

describe('FF1', () => {
  test('gives samples 1, 3, 7 and 9 of NIST', () => {
    const key = '2B7E151628AED2A6ABF7158809CF4F3C';
    const long = `${key}EF4359D8D580AA4F7F036D6F04FC6A94`;
    const digits = '0123456789';
    const letters = `${digits}abcdefghijklmnopqrstuvwxyz`;
    const tweak = '3737373770717273373737';
    const plain = '0123456789abcdefghi';
    expect(ff1('encrypt', { key, tweak: '', alphabet: digits }, digits)).toBe('2433477484');
    expect(ff1('encrypt', { key, tweak, alphabet: letters }, plain)).toBe('a9tv40mll9kdu509eum');
    expect(ff1('encrypt', { key: long, tweak: '', alphabet: digits }, digits)).toBe('6657667009');
    expect(ff1('encrypt', { key: long, tweak, alphabet: letters }, plain)).toBe('xs8a0azh2avyalyzuwd');
    expect(ff1('decrypt', { key: long, tweak, alphabet: letters }, 'xs8a0azh2avyalyzuwd')).toBe(plain);
  });

  test('takes no text with fewer than a million values', () => {
    expect([2, 10, 26, 36, 62, 94].map(leastNumerals)).toEqual([20, 6, 5, 4, 4, 4]);
    for (const [alphabet, least] of [
      ['0123456789', 6],
      ['ABCDEFGHIJKLMNOPQRSTUVWXYZ', 5],
    ] as const) {
      const keys = { key: '00'.repeat(32), tweak: '', alphabet };
      const text = alphabet[1]!.repeat(least);
      expect(ff1('encrypt', keys, text)).toHaveLength(least);
      expect(ff1('encrypt', keys, text.slice(1))).toBeNull();
      expect(ff1('encrypt', keys, '')).toBeNull();
    }
  });

  withNist(`gives all nine samples of NIST and seven of ACVP, and takes them back ${WHERE}`, () => {
    interface Sample {
      key: string;
      tweak: string;
      radix?: number;
      alphabet?: string;
      pt: string;
      ct: string;
    }
    const vectors = JSON.parse(readFileSync(NIST, 'utf8')) as {
      alphabets: Record<string, string>;
      samples: Sample[];
      acvpExcerpt: Sample[];
    };
    expect([vectors.samples.length, vectors.acvpExcerpt.length]).toEqual([9, 7]);
    for (const { key, tweak, radix, alphabet, pt, ct } of [...vectors.samples, ...vectors.acvpExcerpt]) {
      const keys = { key, tweak, alphabet: alphabet ?? vectors.alphabets[String(radix)]! };
      expect(ff1('encrypt', keys, pt)).toBe(ct);
      expect(ff1('decrypt', keys, ct)).toBe(pt);
    }
  });

  interface Case {
    tcId: number;
    flags: string[];
    key: string;
    tweak: string;
    msg: string;
    ct: string;
    result: string;
  }
  interface Counts {
    equal: number;
    belowAMillion: number;
    refused: number;
  }

  /** `belowAMillion`: valid in the text of 2016, refused by the revision, and here. */
  for (const [base, expected] of [
    [10, { equal: 3300, belowAMillion: 12, refused: 533 }],
    [26, { equal: 2642, belowAMillion: 9, refused: 425 }],
    [36, { equal: 2459, belowAMillion: 6, refused: 389 }],
    [62, { equal: 2133, belowAMillion: 6, refused: 335 }],
  ] as const)
    withWycheproof(
      `base ${base}: equals every valid case of Wycheproof of a million values and more, refuses all others ${WHERE}`,
      () => {
        const { testGroups } = read(`aes_ff1_base${base}_test.json.gz`) as {
          testGroups: { alphabet: string; tests: Case[] }[];
        };
        const counts: Counts = { equal: 0, belowAMillion: 0, refused: 0 };
        for (const { alphabet, tests } of testGroups)
          for (const each of tests) counts[checked({ ...each, alphabet })] += 1;
        expect(counts).toEqual(expected);
      },
    );

  function checked(each: Case & { alphabet: string }): keyof Counts {
    const { tcId, flags, key, msg, ct, result } = each;
    if (flags.includes('InvalidKeySize')) {
      expect(() => ff1('encrypt', each, msg)).toThrow(expect.objectContaining({ code: 'ERR_INTERNAL' }));
      expect([16, 24, 32]).not.toContain(hex(key).length);
      return 'refused';
    }
    const isTooSmall = flags.includes('SmallMessageSize');
    if (result === 'valid' && !isTooSmall) {
      expect([tcId, ff1('encrypt', each, msg)]).toEqual([tcId, ct]);
      expect([tcId, ff1('decrypt', each, ct)]).toEqual([tcId, msg]);
      return 'equal';
    }
    expect([tcId, ff1('encrypt', each, msg)]).toEqual([tcId, null]);
    if (isTooSmall) expect([tcId, ff1('decrypt', each, ct)]).toEqual([tcId, null]);
    return isTooSmall ? 'belowAMillion' : 'refused';
  }
});

describe('HKDF-SHA-256', () => {
  test('gives case 3 of RFC 5869: no salt, no info', () => {
    const root = createSecretKey(Buffer.alloc(22, 0x0b));
    expect(Buffer.from(expanded(root, Buffer.alloc(0), 42)).toString('hex')).toBe(
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    );
  });

  withWycheproof(`agrees with the 23 cases of Wycheproof that have no salt, as ours ${WHERE}`, () => {
    interface Case {
      tcId: number;
      ikm: string;
      salt: string;
      info: string;
      size: number;
      okm: string;
      result: string;
    }
    const cases = (read('hkdf_sha256_test.json') as { testGroups: { tests: Case[] }[] }).testGroups
      .flatMap(({ tests }) => tests)
      .filter(({ salt, result }) => salt === '' && result === 'valid');
    for (const { tcId, ikm, info, size, okm } of cases) {
      const key = expanded(createSecretKey(hex(ikm)), hex(info), size);
      expect([tcId, Buffer.from(key).toString('hex')]).toEqual([tcId, okm]);
    }
    expect(cases).toHaveLength(23);
  });
});

/** Associated data, plaintext, and ciphertext with tag. */
const RFC_8452: readonly (readonly [string, string, string])[] = [
  ['', '', '07f5f4169bbf55a8400cd47ea6fd400f'],
  ['', '0100000000000000', 'c2ef328e5c71c83b843122130f7364b761e0b97427e3df28'],
  ['01', '0200000000000000', '1de22967237a813291213f267e3b452f02d01ae33e4ec854'],
];
