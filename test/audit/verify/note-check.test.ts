/**
 * Whose name under a checkpoint counts, and when: a key that was replaced signs nothing any more, and what it signed
 * while it was valid stays good.
 */
import { describe, expect, test } from '@jest/globals';
import { formatCheckpoint } from '../../../audit/checkpoint.ts';
import { ed25519Signer, formatVkey, noteSigner, signNote } from '../../../audit/signed-note.ts';
import { formatTrustFile, parseTrustFile } from '../../../audit/trust-file.ts';
import { Findings } from '../../../audit/verify/finding.ts';
import { NoteCheck } from '../../../audit/verify/note-check.ts';
import { enrolledWriters } from '../../../audit/verify/trust.ts';
import type { Trust, Validity } from '../../../audit/verify/trust.ts';
import { MerkleFrontier } from '../../../audit/merkle-tree.ts';

const ORIGIN = 'audit.example.org/log';
const HOUR_MS = 3_600_000;
const BEGIN_MS = Date.UTC(2026, 5, 12);
const ROOT = noteSigner('root', 1, ed25519Signer(Buffer.alloc(32, 1)));
const OLD = noteSigner(ORIGIN, 1, ed25519Signer(Buffer.alloc(32, 2)));
const NEW = noteSigner(ORIGIN, 1, ed25519Signer(Buffer.alloc(32, 3)));
const LEAF = Buffer.alloc(32, 9);

function witnessAt(atMs: number): ReturnType<typeof noteSigner> {
  return noteSigner('witness.example.org', 4, ed25519Signer(Buffer.alloc(32, 4)), () => atMs / 1000);
}

/** The old key to hour 10, the new one from then on; a witness from hour 5 to hour 20. */
function trusted(witness: Validity | null = { notBeforeMs: at(5), notAfterMs: at(20) }): Trust {
  const trust = {
    origin: ORIGIN,
    writers: [],
    sealers: [
      { verifier: OLD, notBeforeMs: at(0), notAfterMs: at(10) },
      { verifier: NEW, notBeforeMs: at(10), notAfterMs: null },
    ],
    witnesses: [witness ? { ...witnessAt(0), validity: witness } : witnessAt(0)],
    quorum: 1,
  };
  return parseTrustFile(formatTrustFile(trust, ROOT), formatVkey(ROOT));
}

function at(hour: number): number {
  return BEGIN_MS + hour * HOUR_MS;
}

function noteBy(sealer: typeof OLD, cosignedAtMs: number): string {
  const tree = new MerkleFrontier();
  tree.append(LEAF);
  return signNote(
    formatCheckpoint({ origin: ORIGIN, size: 1, root: tree.root() }),
    sealer,
    witnessAt(cosignedAtMs),
  );
}

function found(note: string, appendedMs: number, trust = trusted()): readonly string[] {
  const findings = new Findings();
  const check = new NoteCheck(findings, trust);
  check.remember([]);
  check.appendSeal(LEAF, 0);
  check.acceptNote(note, {}, appendedMs);
  return [`cosigned ${check.witnessedSize}`, ...findings.all.map(({ name, detail }) => `${name} ${detail}`)];
}

describe('a checkpoint', () => {
  test('counts by the key that was valid when it was appended', () => {
    expect(found(noteBy(OLD, at(9)), at(9))).toEqual(['cosigned 1']);
    expect(found(noteBy(NEW, at(11)), at(11))).toEqual(['cosigned 1']);
  });

  test('counts for nothing by a key that was replaced before, or enrolled after', () => {
    const wrong = ['cosigned 0', "NOTE_SIGNATURE the sealer's key was not valid at that time"];
    expect(found(noteBy(OLD, at(12)), at(12))).toEqual(wrong);
    expect(found(noteBy(NEW, at(8)), at(8))).toEqual(wrong);
  });

  test('may be appended while clocks are a little apart', () => {
    expect(found(noteBy(OLD, at(10)), at(10) + 60_000)).toEqual(['cosigned 1']);
    expect(found(noteBy(NEW, at(10)), at(10) - 60_000)).toEqual(['cosigned 1']);
  });

  test('is cosigned by nobody who was no witness then', () => {
    expect(found(noteBy(OLD, at(4)), at(4))).toEqual(['cosigned 0']);
    expect(found(noteBy(NEW, at(21)), at(21))).toEqual(['cosigned 0']);
    expect(found(noteBy(OLD, at(4)), at(4), trusted(null))).toEqual(['cosigned 1']);
  });

  test('that a witness hands out counts only by keys that were valid when it cosigned', () => {
    const remembered = (note: string): readonly string[] => {
      const findings = new Findings();
      new NoteCheck(findings, trusted()).remember([note]);
      return findings.all.map(({ name, detail }) => `${name} ${detail}`);
    };
    expect(remembered(noteBy(NEW, at(15)))).toEqual([]);
    expect(remembered(noteBy(OLD, at(15)))).toEqual([
      "WITNESS_NOTE the sealer's key was not valid at that time",
    ]);
    expect(remembered(noteBy(NEW, at(21)))).toEqual(['WITNESS_NOTE no witness of the trust file signed it']);
  });
});

describe('a writer', () => {
  test('opens sessions only while its key is valid, and only for its own ids', () => {
    const writer = {
      name: 'topology',
      isAdmin: false,
      publicKey: Buffer.alloc(32),
      writerIdPrefix: 'gauze.lane.',
    };
    const trust = { ...trusted(), writers: [{ ...writer, notBeforeMs: at(5), notAfterMs: at(20) }] };
    const opens = (writerId: string, hour: number): number =>
      enrolledWriters(trust, 'topology', writerId, at(hour)).length;
    expect([4, 6, 19, 21].map((hour) => opens('gauze.lane.a', hour))).toEqual([0, 1, 1, 0]);
    expect(opens('gauze.task.a', 6)).toBe(0);
    expect(enrolledWriters(trust, 'sealer', 'gauze.lane.a', at(6))).toEqual([]);
  });
});
