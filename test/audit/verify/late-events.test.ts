/**
 * Events that come late: a process that dies leaves its transaction open, and what others committed behind it in the
 * partition is read only when the broker has ended it. Late is no finding; too late is.
 */
import { expect, test } from '@jest/globals';
import { Findings } from '../../../audit/verify/finding.ts';
import { TilingCheck } from '../../../audit/verify/tiling-check.ts';
import { auditEventCodec } from '../../../schemas/control-codecs.ts';
import { AuditLogMaker } from '../../support/audit-log-maker.ts';

const AT_MS = Date.UTC(2026, 5, 12);

/** What is found where a group has committed `committed`, and its events become readable `lateMs` later. */
function found(lateMs: number, { committed = 20, firstLeft = 0 } = {}): readonly string[] {
  const maker = new AuditLogMaker({ rawPartitions: 1, auditPartitions: 1 });
  const [lane] = maker.lanes;
  maker.open(lane!);
  for (let batches = 0; batches < 4; batches++) maker.batch(lane!, 5);
  maker.seal();
  const coverage = maker.seals
    .at(-1)!
    .seal.coverage.map((each) => ({ ...each, committed_offset: committed, covered_offset: 0 }));
  const findings = new Findings();
  const check = new TilingCheck(findings);
  const records = maker.partition('events', 0).records.slice(firstLeft);
  for (let ms = 0, n = 0; ms <= 60_000; ms += 500, n += 1) {
    if (ms === lateMs)
      for (const { offset, value } of records) {
        const event = auditEventCodec.decode(value!);
        const place = { topic: 't', partition: 0, offset, appendTimeMs: AT_MS };
        check.accept({ event, value: value!, leaf: value!, ...place });
      }
    check.seal(n, coverage, AT_MS + ms);
  }
  return findings.names();
}

test('are no finding while a transaction may be open before them', () => {
  expect(found(0)).toEqual([]);
  expect(found(12_000)).toEqual([]);
  expect(found(29_500)).toEqual([]);
});

test('are one when nothing can have held them up for so long', () => {
  expect(found(45_000)).toEqual(['COVERAGE_SHORT']);
  expect(found(90_000)).toEqual(['COVERAGE_SHORT']);
});

test('do not stand for those before them that are gone', () => {
  // Opened at 0, and batches of five: only the last batch, from 15 on, is left.
  expect(found(12_000, { committed: 10, firstLeft: 4 })).toContain('COVERAGE_SHORT');
});
