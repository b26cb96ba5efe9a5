import { describe, expect, test } from '@jest/globals';
import { formatCheckpoint, openCheckpoint, parseCheckpoint, signCheckpoint } from '../../audit/checkpoint.ts';
import { EMPTY_ROOT } from '../../audit/merkle-tree.ts';
import {
  NOTE_KEY,
  ed25519Signer,
  formatSignature,
  formatSkey,
  formatVkey,
  noteSigner,
  noteVerifier,
  openNote,
  parseNote,
  parseSkey,
  parseVkey,
  signNote,
  signatureLine,
} from '../../audit/signed-note.ts';
import type { GauzeError } from '../../platform/errors.ts';
import { askGo, goMissing } from '../support/go-oracle.ts';

/** The example of c2sp.org/signed-note. */
const EXAMPLE = {
  vkey: 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
  note: 'This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
};
/** The example of golang.org/x/mod/sumdb/note. */
const PETER = {
  skey: 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz',
  vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  line: '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
};

const ORIGIN = 'example.org/log';
const log = signer(ORIGIN, NOTE_KEY.ED25519, 1);
const stranger = signer('example.org/other', NOTE_KEY.ED25519, 2);
const witness = signer('witness.example.org/w1', NOTE_KEY.COSIGNATURE, 3);
const root = Buffer.alloc(32, 7);
const text = `${ORIGIN}\n5\n${root.toString('base64')}\n`;
const note = signNote(text, log, witness);
const noGo = goMissing();

function signer(name: string, type: 1 | 4, seed: number): ReturnType<typeof noteSigner> {
  return noteSigner(name, type, ed25519Signer(Buffer.alloc(32, seed)), () => 1_700_000_000);
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'none';
  } catch (error) {
    return (error as GauzeError).code;
  }
}

describe('published examples', () => {
  test('open under their keys, and keys are written as they were read', () => {
    for (const { vkey, signed, says } of [
      { vkey: EXAMPLE.vkey, signed: EXAMPLE.note, says: 'This is an example message.\n' },
      { vkey: PETER.vkey, signed: `${PETER.text}\n${PETER.line}`, says: PETER.text },
    ]) {
      const key = parseVkey(vkey);
      expect(openNote(signed, [key]).text).toBe(says);
      expect(openNote(Buffer.from(signed), [key]).text).toBe(says);
      expect(formatVkey(key)).toBe(vkey);
    }
  });

  test('are signed to the same bytes', () => {
    expect(signNote(PETER.text, parseSkey(PETER.skey))).toBe(`${PETER.text}\n${PETER.line}`);
    expect(formatVkey(parseSkey(PETER.skey))).toBe(PETER.vkey);
  });

  test('of cosigner keys are read', () => {
    const vkey = 'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2';
    expect(parseVkey(vkey).type).toBe(NOTE_KEY.COSIGNATURE);
    expect(formatVkey(parseVkey(vkey))).toBe(vkey);
  });
});

describe('a key', () => {
  test('is written and read back, private and public', () => {
    const seed = Buffer.alloc(32, 9);
    for (const type of Object.values(NOTE_KEY)) {
      const again = parseSkey(formatSkey('a.example/k', type, seed));
      expect(formatVkey(again)).toBe(
        formatVkey(noteVerifier('a.example/k', type, ed25519Signer(seed).publicKey)),
      );
    }
  });

  test.each([
    ['a name of another key', EXAMPLE.vkey.replace('foo', 'fop')],
    ['a key id of another key', EXAMPLE.vkey.replace('530d903a', '530d903b')],
    ['upper case', EXAMPLE.vkey.replace('530d903a', '530D903A')],
    ['a name with a space', EXAMPLE.vkey.replace('example.com/foo', 'example.com foo')],
    ['no name', EXAMPLE.vkey.replace('example.com/foo', '')],
    ['a type that is not known', `k+00000000+${Buffer.alloc(33, 2).toString('base64')}`],
    ['a short key', EXAMPLE.vkey.slice(0, -4)],
    ['base64 without its one form', EXAMPLE.vkey.replace(/k$/, 'k=')],
    ['a newline at the end', `${EXAMPLE.vkey}\n`],
    ['a private key', PETER.skey],
  ])('is refused: %s', (_, vkey) => {
    expect(codeOf(() => parseVkey(vkey))).toBe('ERR_AUDIT_NOTE_KEY');
  });

  test('never shows its seed', () => {
    const seed = Buffer.alloc(32, 9);
    const shown =
      JSON.stringify(signer('a', 1, 9)) +
      Object.values(signer('a', 1, 9))
        .map(String)
        .join();
    expect(shown).not.toContain(seed.toString('hex'));
    expect(shown).not.toContain(seed.toString('base64').slice(0, 40));
  });
});

describe('a note', () => {
  test('opens for who trusts one of its keys; others are passed over', () => {
    const opened = openNote(signNote(text, stranger, log, witness), [log, witness]);
    expect(opened.verified.map(({ name, timeSeconds }) => [name, timeSeconds])).toEqual([
      [ORIGIN, null],
      ['witness.example.org/w1', 1_700_000_000],
    ]);
    expect(opened.unknown.map(({ name }) => name)).toEqual(['example.org/other']);
  });

  test('may hold empty lines; the last one parts it from the signatures', () => {
    const long = 'one\n\n\ntwo\n';
    expect(openNote(signNote(long, log), [log]).text).toBe(long);
  });

  test('counts a key once, however often it signed', () => {
    const twice = signNote(text, log) + signatureLine(text, log);
    expect(openNote(twice, [log]).verified).toHaveLength(1);
  });

  test('is refused without a trusted signature', () => {
    expect(codeOf(() => openNote(signNote(text, stranger), [log, witness]))).toBe('ERR_AUDIT_NOTE_UNTRUSTED');
    const sameName = noteSigner(ORIGIN, 1, ed25519Signer(Buffer.alloc(32, 8)));
    expect(codeOf(() => openNote(signNote(text, sameName), [log]))).toBe('ERR_AUDIT_NOTE_UNTRUSTED');
  });

  test('is refused whole where a known key signed something else', () => {
    const other = signatureLine('another\n', witness);
    expect(codeOf(() => openNote(signNote(text, log) + other, [log, witness]))).toBe(
      'ERR_AUDIT_NOTE_SIGNATURE',
    );
  });

  test('does not pass a cosignature off as a signature, nor the other way round', () => {
    const same = ed25519Signer(Buffer.alloc(32, 5));
    const plain = noteSigner('k', NOTE_KEY.ED25519, same);
    const timed = noteSigner('k', NOTE_KEY.COSIGNATURE, same, () => 1);
    const asOther = (from: typeof plain, to: typeof plain): string =>
      `${text}\n${formatSignature({ ...to, bytes: from.signature(text) })}`;
    expect(codeOf(() => openNote(asOther(plain, timed), [timed]))).toBe('ERR_AUDIT_NOTE_SIGNATURE');
    expect(codeOf(() => openNote(asOther(timed, plain), [plain]))).toBe('ERR_AUDIT_NOTE_SIGNATURE');
  });

  test('binds a cosignature to its time', () => {
    const bytes = witness.signature(text);
    bytes[7]! ^= 1;
    const line = formatSignature({ name: witness.name, keyId: witness.keyId, bytes });
    expect(codeOf(() => openNote(`${text}\n${line}`, [witness]))).toBe('ERR_AUDIT_NOTE_SIGNATURE');
    bytes.fill(0xff, 0, 8);
    const never = formatSignature({ name: witness.name, keyId: witness.keyId, bytes });
    expect(codeOf(() => openNote(`${text}\n${never}`, [witness]))).toBe('ERR_AUDIT_NOTE_SIGNATURE');
  });

  const bytes = Buffer.from(note);
  test('with any one bit changed opens to the same text or to nothing', () => {
    let refused = 0;
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const code = codeOf(() => {
        // The log's line may become that of a stranger: then the witness's still holds, of the same text.
        expect(openNote(changed, [log, witness]).text).toBe(text);
      });
      if (code !== 'none') refused += 1;
      expect(['none', 'ERR_AUDIT_NOTE', 'ERR_AUDIT_NOTE_SIGNATURE', 'ERR_AUDIT_NOTE_UNTRUSTED']).toContain(
        code,
      );
      expect(codeOf(() => openCheckpoint(changed, ORIGIN, [log]))).not.toBe(
        bit < text.length * 8 ? 'none' : '',
      );
    }
    expect(refused).toBeGreaterThan(2_000);
  });

  test('cut off anywhere is refused', () => {
    const single = Buffer.from(signNote(text, log));
    for (let end = 0; end < single.length; end += 1)
      expect([end, codeOf(() => openNote(single.subarray(0, end), [log])) === 'none']).toEqual([end, false]);
  });

  test.each([
    ['nothing', ''],
    ['no empty line', note.replace('\n\n', '\n')],
    ['no signature', `${text}\n`],
    ['no newline at the end', note.slice(0, -1)],
    ['an empty line at the end', `${note}\n`],
    ['text after the signatures', `${note}more\n`],
    ['a hyphen for the dash', note.replace('\u2014', '-')],
    ['two spaces', note.replace('\u2014 ', '\u2014  ')],
    ['a space at the end of a line', note.replace(/=\n$/, '= \n')],
    ['carriage returns', note.replaceAll('\n', '\r\n')],
    ['a tab', note.replace('5', '5\t')],
    ['a NUL', note.replace('5', '5\0')],
    ['a name with +', note.replace('\u2014 example.org/log', '\u2014 example.org+log')],
    ['a name with a strange space', note.replace('\u2014 example.org/log', '\u2014 example.org\u2003log')],
    ['base64 without padding', note.replace('==\n', '\n').replace(/=\n$/, '\n')],
    ['base64 of URLs', note.replace(/[+/](?=[^ ]*\n$)/, '_')],
    ['base64 with other last bits', note.replace(/.==\n/, (m) => `${m[0] === 'B' ? 'C' : 'B'}==\n`)],
    ['a signature without bytes', `${text}\n\u2014 k AAAAAA==\n`],
    ['half a surrogate', note.replace('5', '\ud800')],
    ['too long', `${'x'.repeat(70_000)}\n${note}`],
    ['too many signatures', `${text}\n${signatureLine(text, log).repeat(65)}`],
  ])('is refused when malformed: %s', (_, malformed) => {
    expect(malformed).not.toBe(note);
    expect(codeOf(() => parseNote(malformed))).toBe('ERR_AUDIT_NOTE');
  });

  test('is refused where it is not UTF-8, and a byte order mark is text', () => {
    expect(codeOf(() => parseNote(Buffer.concat([Buffer.from([0xff]), bytes])))).toBe('ERR_AUDIT_NOTE');
    expect(codeOf(() => openNote(Buffer.from(`\ufeff${note}`), [log]))).toBe('ERR_AUDIT_NOTE_SIGNATURE');
  });

  test('is not made of a text that could be read otherwise', () => {
    expect(codeOf(() => signNote('no newline', log))).toBe('ERR_AUDIT_NOTE');
    expect(codeOf(() => signNote('a\n\nno newline', log))).toBe('ERR_AUDIT_NOTE');
    expect(codeOf(() => signNote('a\tb\n', log))).toBe('ERR_AUDIT_NOTE');
    expect(codeOf(() => signNote(text))).toBe('ERR_AUDIT_NOTE');
  });

  (noGo === null ? test : test.skip)(`Go's sumdb reads ours and we read Go's (${noGo ?? 'asked'})`, () => {
    const notes = [note, signNote('one\n\ntwo \u00e9\n', log), note.replace('5', '6'), `${note}more\n`];
    const answers = askGo({
      Notes: notes,
      Vkeys: notes.map(() => formatVkey(log)),
      Text: text,
      Skey: formatSkey(ORIGIN, 1, Buffer.alloc(32, 1)),
      Leaves: [],
      Records: [],
      Trees: [],
    });
    expect(answers.Notes).toEqual([text, 'one\n\ntwo \u00e9\n', '', '']);
    expect(answers.Signed).toBe(signNote(text, log));
  });
});

describe('a checkpoint', () => {
  test('is written and read back, and must be of the origin asked for and signed by the log', () => {
    const checkpoint = { origin: ORIGIN, size: 5, root };
    expect(signCheckpoint(checkpoint, log, witness)).toBe(note);
    const opened = openCheckpoint(note, ORIGIN, [log], [witness]);
    expect(opened.checkpoint).toEqual(checkpoint);
    expect(opened.logSignatures.map(({ name }) => name)).toEqual([ORIGIN]);
    expect(opened.cosignatures.map(({ name }) => name)).toEqual([witness.name]);
    expect(codeOf(() => openCheckpoint(note, 'example.org/else', [log]))).toBe('ERR_AUDIT_ORIGIN');
    expect(codeOf(() => openCheckpoint(signNote(text, witness), ORIGIN, [log], [witness]))).toBe(
      'ERR_AUDIT_NOTE_UNTRUSTED',
    );
  });

  test.each([
    ['an extension line', `${text}more\n`],
    ['an empty line', `${text}\n`],
    ['two lines', `${ORIGIN}\n5\n`],
    ['no origin', text.replace(ORIGIN, '')],
    ['a leading zero', text.replace('\n5\n', '\n05\n')],
    ['a sign', text.replace('\n5\n', '\n+5\n')],
    ['a size past what numbers hold exactly', text.replace('\n5\n', '\n9007199254740993\n')],
    ['no size', text.replace('\n5\n', '\n\n')],
    ['a short root', `${ORIGIN}\n5\n${Buffer.alloc(31).toString('base64')}\n`],
    ['a long root', `${ORIGIN}\n5\n${Buffer.alloc(33).toString('base64')}\n`],
    ['an empty tree with a root', text.replace('\n5\n', '\n0\n')],
    ['no newline at the end', text.slice(0, -1)],
  ])('is refused: %s', (_, malformed) => {
    expect(codeOf(() => parseCheckpoint(malformed))).toBe('ERR_AUDIT_NOTE');
  });

  test('of the empty tree has the root of nothing', () => {
    expect(parseCheckpoint(formatCheckpoint({ origin: ORIGIN, size: 0, root: EMPTY_ROOT })).size).toBe(0);
    expect(codeOf(() => formatCheckpoint({ origin: 'a\nb', size: 5, root }))).toBe('ERR_AUDIT_NOTE');
  });
});
