/**
 * The verifier on honest logs: whatever sessions, kills, rotations, seeks and lagging seals there are in them, it
 * finds nothing but what people declared.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ExportSource, writeRawExport } from '../../../audit/raw-export.ts';
import { parseTrustFile } from '../../../audit/trust-file.ts';
import { verifyAudit } from '../../../audit/verify/verifier.ts';
import type { VerifyResult } from '../../../audit/verify/verifier.ts';
import { honestLog } from '../../support/audit-log-maker.ts';
import type { AuditLogMaker } from '../../support/audit-log-maker.ts';
import { MemoryAuditSource } from '../../support/memory-audit-source.ts';

const SEEDS = Array.from({ length: 24 }, (_, i) => i + 1);

function findingsOf({ findings }: VerifyResult): readonly string[] {
  return findings.all
    .filter((finding) => finding.class !== 'DECLARED')
    .map(({ name, place, detail }) => `${name} ${JSON.stringify(place)} ${detail}`);
}

async function verified(maker: AuditLogMaker): Promise<VerifyResult> {
  const trust = parseTrustFile(maker.trustNote, maker.rootVkey);
  return await verifyAudit(new MemoryAuditSource(maker.audit), { trust });
}

describe('an honest log', () => {
  test.each(SEEDS)('has no findings: run %i', async (seed) => {
    const maker = honestLog(seed, 150);
    const result = await verified(maker);
    expect(findingsOf(result)).toEqual([]);
    const events = maker.audit.partitions.filter(({ kind }) => kind === 'events');
    expect(result.totals.events).toBe(events.reduce((sum, { records }) => sum + records.length, 0));
    expect(result.totals.seals).toBe(maker.seals.length);
    expect(result.totals.cosignedSeals).toBe(maker.seals.length);
    expect(result.totals.seals).toBeGreaterThan(4);
  });

  test('has no findings as a raw export', async () => {
    const maker = honestLog(7);
    const directory = await mkdtemp(join(tmpdir(), 'gauze-export-'));
    try {
      await writeRawExport(new MemoryAuditSource(maker.audit), directory);
      const trust = parseTrustFile(maker.trustNote, maker.rootVkey);
      const result = await verifyAudit(await ExportSource.open(directory), { trust });
      expect(findingsOf(result)).toEqual([]);
      expect(result.totals.events).toBe((await verified(maker)).totals.events);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  test('without trust file says in words what nobody could check', async () => {
    const result = await verifyAudit(new MemoryAuditSource(honestLog(3).audit), { trust: null });
    expect(result.findings.names().filter((name) => name !== 'DECLARED_JUMP')).toEqual(['NO_TRUST_FILE']);
  });
});
