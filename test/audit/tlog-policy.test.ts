import { describe, expect, test } from '@jest/globals';
import { signCheckpoint } from '../../audit/checkpoint.ts';
import { NOTE_KEY, ed25519Signer, formatVkey, noteSigner, signNote } from '../../audit/signed-note.ts';
import { openByPolicy, parsePolicy, satisfies } from '../../audit/tlog-policy.ts';
import type { GauzeError } from '../../platform/errors.ts';

const ORIGIN = 'example.org/log';
const log = noteSigner(ORIGIN, NOTE_KEY.ED25519, ed25519Signer(Buffer.alloc(32, 99)));
const witnesses = Array.from({ length: 6 }, (_, i) =>
  noteSigner(`w${i}.example`, NOTE_KEY.COSIGNATURE, ed25519Signer(Buffer.alloc(32, i)), () => 5),
);
const checkpoint = { origin: ORIGIN, size: 3, root: Buffer.alloc(32, 4) };
const LOG = `log ${formatVkey(log)}`;
const [X1, X2, X3, Y1, Y2, Y3] = witnesses.map(
  (w, i) => `witness ${'XY'[Math.floor(i / 3)]}${(i % 3) + 1} ${formatVkey(w)}`,
);
/** The example of the specification. */
const EXAMPLE = [
  LOG,
  '',
  X1,
  X2,
  X3,
  'group X-witnesses 2 X1 X2 X3',
  '',
  Y1,
  Y2,
  `  ${Y3}\thttps://y3.example/  `,
  '  # Comment, with \u00e9',
  'group\tY-witnesses any Y1 Y2 Y3',
  '',
  'group X-and-Y all X-witnesses Y-witnesses',
  'quorum X-and-Y',
];

function policy(...lines: readonly (string | undefined)[]): ReturnType<typeof parsePolicy> {
  return parsePolicy(Buffer.from(`${lines.join('\n')}\n`), 'a.policy');
}

function cosigned(...by: readonly number[]): string {
  return signCheckpoint(checkpoint, log, ...by.map((i) => witnesses[i]!));
}

function faultOf(lines: readonly (string | undefined)[] | Buffer): [string, unknown, unknown] {
  try {
    if (Buffer.isBuffer(lines)) parsePolicy(lines, 'a.policy');
    else policy(...lines);
    return ['none', 0, ''];
  } catch (error) {
    const { code, context } = error as GauzeError;
    return [code, context.line, context.expected];
  }
}

describe('a policy', () => {
  test('of the specification asks for two of three and one of three, whichever', () => {
    const example = policy(...EXAMPLE);
    expect(example.witnesses.map(({ name, url }) => [name, url]).at(-1)).toEqual([
      'Y3',
      'https://y3.example/',
    ]);
    for (let set = 0; set < 64; set += 1) {
      const by = witnesses.map((_, i) => i).filter((i) => (set >> i) & 1);
      const isEnough = by.filter((i) => i < 3).length >= 2 && by.some((i) => i >= 3);
      expect([by, satisfies(cosigned(...by), example)]).toEqual([by, isEnough]);
    }
  });

  test('without witnesses says so, and asks for the log alone', () => {
    expect(satisfies(cosigned(), policy(LOG, 'quorum none'))).toBe(true);
    expect(satisfies(cosigned(), policy(LOG, X1, 'quorum X1'))).toBe(false);
    expect(satisfies(cosigned(0), policy(LOG, X1, 'quorum X1'))).toBe(true);
  });

  test('believes no log that it does not name, and none for another', () => {
    const other = noteSigner('example.org/other', NOTE_KEY.ED25519, ed25519Signer(Buffer.alloc(32, 98)));
    const both = policy(LOG, `log ${formatVkey(other)}`, 'quorum none');
    expect(satisfies(signCheckpoint({ ...checkpoint, origin: other.name }, other), both)).toBe(true);
    expect(satisfies(signCheckpoint(checkpoint, other), both)).toBe(false);
    expect(satisfies(cosigned(), policy(`log ${formatVkey(other)}`, 'quorum none'))).toBe(false);
    expect(satisfies(cosigned(), policy('quorum none'))).toBe(false);
    expect(satisfies(cosigned(0).replace('\n3\n', '\n4\n'), policy(LOG, X1, 'quorum X1'))).toBe(false);
    expect(satisfies('nothing', both)).toBe(false);
  });

  test('counts a witness once, however often it signed', () => {
    const twice = signNote(cosigned().split('\n\n')[0]! + '\n', log, witnesses[0]!, witnesses[0]!);
    const two = policy(LOG, X1, X2, 'group both 2 X1 X2', 'quorum both');
    expect(satisfies(twice, two)).toBe(false);
    expect(() => openByPolicy(twice, two)).toThrow(/1 have/);
    expect(satisfies(cosigned(0, 1), two)).toBe(true);
  });

  test.each<[string, readonly (string | undefined)[], number]>([
    ['no quorum', [LOG], 1],
    ['two quorums', [X1, 'quorum X1', 'quorum none'], 3],
    ['a quorum that is not defined', [X1, 'quorum X2'], 2],
    ['a quorum defined below', ['quorum X1', X1], 1],
    ['a word that is not known', ['logs a', 'quorum none'], 1],
    ['a log key that is a witness key', [`log ${formatVkey(witnesses[0]!)}`, 'quorum none'], 1],
    ['a witness key that is a log key', [`witness X1 ${formatVkey(log)}`, 'quorum none'], 1],
    ['the same log twice', [LOG, LOG, 'quorum none'], 2],
    ['the same witness key twice', [X1, X1!.replace('X1', 'X2'), 'quorum none'], 2],
    ['the same name twice', [X1, X2!.replace('X2', 'X1'), 'quorum none'], 2],
    ['a witness named none', [X1!.replace('X1', 'none'), 'quorum none'], 1],
    ['a group named as a witness', [X1, X2, 'group X1 any X2', 'quorum X1'], 3],
    ['an empty group', [X1, 'group g any', 'quorum g'], 2],
    ['a group of itself', [X1, 'group g any g', 'quorum g'], 2],
    ['a group with none', [X1, 'group g any none', 'quorum g'], 2],
    ['a member twice', [X1, 'group g 2 X1 X1', 'quorum g'], 2],
    ['a member of two groups', [X1, X2, 'group g any X1', 'group h all g X1', 'quorum h'], 4],
    ['none of a group', [X1, 'group g 0 X1', 'quorum g'], 2],
    ['more than there are', [X1, 'group g 2 X1', 'quorum g'], 2],
    ['a leading zero', [X1, 'group g 01 X1', 'quorum g'], 2],
    ['a damaged key', [LOG.slice(0, -4), 'quorum none'], 1],
    ['too many words', [`${LOG} https://a b`, 'quorum none'], 1],
    ['a carriage return', [`${LOG}\r`, 'quorum none'], 1],
    ['a NUL in a comment', ['# \0', 'quorum none'], 1],
  ])('is refused whole: %s', (_, lines, line) => {
    expect(faultOf(lines)).toEqual(['ERR_AUDIT_POLICY_FILE', line, expect.any(String)]);
  });

  test('is refused where it is cut off, or no text', () => {
    expect(faultOf(Buffer.from('quorum none'))[0]).toBe('ERR_AUDIT_POLICY_FILE');
    expect(faultOf(Buffer.from([0xff, 0x0a]))[0]).toBe('ERR_AUDIT_POLICY_FILE');
    expect(faultOf(Buffer.alloc(0))[0]).toBe('ERR_AUDIT_POLICY_FILE');
  });
});
