import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { proveEvent } from '../../audit/event-prover.ts';
import { writeRawExport } from '../../audit/raw-export.ts';
import { formatVkey } from '../../audit/signed-note.ts';
import { parsePolicy } from '../../audit/tlog-policy.ts';
import { trustFile, trustPolicy, verifyEventProof } from '../../audit/tlog-proof.ts';
import { parseTrustFile } from '../../audit/trust-file.ts';
import type { GauzeError } from '../../platform/errors.ts';
import { MADE_TOPICS, honestLog } from '../support/audit-log-maker.ts';
import { MemoryAuditSource } from '../support/memory-audit-source.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const log = honestLog(7, 60);
const source = new MemoryAuditSource(log.audit);
const byTrust = trustFile(parseTrustFile(log.trustNote, log.rootVkey));
const policyText = [
  `log ${formatVkey(log.sealer)}`,
  `witness w ${formatVkey(log.witness)}`,
  'quorum w',
  '',
].join('\n');
const byPolicy = trustPolicy(parsePolicy(Buffer.from(policyText), 'test.policy'));

/** Events of a partition that are sealed. */
function sealedOf(partition: number): readonly { readonly offset: number; readonly value: Buffer }[] {
  const size = log.seals
    .at(-1)!
    .seal.partitions.find((p) => p.topic === MADE_TOPICS.events && p.partition === partition)!.tree_size;
  return log
    .partition('events', partition)
    .records.slice(0, size)
    .map(({ offset, value }) => ({ offset, value: value! }));
}

async function proofOf(partition: number, offset: number): Promise<string> {
  return await proveEvent(source, { topic: MADE_TOPICS.events, partition, offset });
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'none';
  } catch (error) {
    return (error as GauzeError).code;
  }
}

/** The proof with its extra data changed. */
function withExtra(proof: string, change: (extra: string) => string): string {
  const [, extra] = /^extra (.*)$/m.exec(proof)!;
  const changed = change(Buffer.from(extra!, 'base64').toString());
  return proof.replace(extra!, () => Buffer.from(changed).toString('base64'));
}

describe('the proof of an event', () => {
  test('is made of every sealed event, and shows that very event to who trusts the keys', async () => {
    let proven = 0;
    for (const partition of [0, 1]) {
      for (const [index, { offset, value }] of sealedOf(partition).entries()) {
        const proof = Buffer.from(await proofOf(partition, offset));
        const { event, seal, checkpoint, ...place } = verifyEventProof(proof, byPolicy);
        expect(place).toEqual({ topic: MADE_TOPICS.events, partition, index });
        expect(value.includes(event.event_id)).toBe(true);
        expect(checkpoint.checkpoint.size).toBeGreaterThan(seal.n);
        expect(codeOf(() => verifyEventProof(proof, byTrust))).toBe('none');
        proven += 1;
      }
    }
    expect(proven).toBeGreaterThan(50);
  });

  test('holds no longer with any one bit changed, nor cut off, nor longer', async () => {
    const [first] = sealedOf(0);
    const bytes = Buffer.from(await proofOf(0, first!.offset));
    const found = new Map<string, number>();
    for (let bit = 0; bit < bytes.length * 8; bit += 7) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const code = codeOf(() => verifyEventProof(changed, byPolicy));
      found.set(code, (found.get(code) ?? 0) + 1);
    }
    expect(found.get('none')).toBeUndefined();
    expect([...found.values()].reduce((sum, n) => sum + n)).toBeGreaterThan(2_000);
    for (let end = 0; end < bytes.length; end += 13)
      expect(codeOf(() => verifyEventProof(bytes.subarray(0, end), byPolicy))).not.toBe('none');
    for (const more of ['\n', 'x', ' '])
      expect(codeOf(() => verifyEventProof(Buffer.concat([bytes, Buffer.from(more)]), byPolicy))).not.toBe(
        'none',
      );
  });

  test('cannot be lent to another event, place, seal or log', async () => {
    const [a, b] = sealedOf(0);
    const [mine, theirs] = [await proofOf(0, a!.offset), await proofOf(0, b!.offset)];
    const check = (proof: string): string => codeOf(() => verifyEventProof(Buffer.from(proof), byPolicy));
    const eventOf = (proof: string): string => {
      let line = '';
      withExtra(proof, (extra) => (line = /^event .*$/m.exec(extra)![0]) && extra);
      return line;
    };
    expect(check(withExtra(mine, (extra) => extra.replace(/^event .*$/m, () => eventOf(theirs))))).toBe(
      'ERR_AUDIT_PROOF',
    );
    const lies: [string, string][] = [
      ['index', withExtra(mine, (extra) => extra.replace(/^index .*$/m, 'index 1'))],
      ['partition', withExtra(mine, (extra) => extra.replace(/^(partition \S+) 0$/m, '$1 1'))],
      ['topic', withExtra(mine, (extra) => extra.replace('audit.events', 'audit.subjects'))],
      ['topic not sealed', withExtra(mine, (extra) => extra.replace('audit.events', 'audit.other'))],
      ['seal', mine.replace(/^index .*$/m, 'index 5')],
      ['format', withExtra(mine, (extra) => extra.replace('proof/1', 'proof/2'))],
      ['path', withExtra(mine, (extra) => extra.replace(/\n[^\n]+\n$/, '\n'))],
    ];
    for (const [what, lie] of lies) expect([what, check(lie)]).toEqual([what, 'ERR_AUDIT_PROOF']);
  });

  test('is worth nothing without the cosignature, or under other keys', async () => {
    const proof = await proofOf(0, sealedOf(0)[0]!.offset);
    const lines = proof.trimEnd().split('\n');
    const alone = Buffer.from(
      `${lines.filter((line) => !line.includes('witness.example.org')).join('\n')}\n`,
    );
    expect(codeOf(() => verifyEventProof(alone, byPolicy))).toBe('ERR_AUDIT_QUORUM');
    expect(codeOf(() => verifyEventProof(alone, byTrust))).toBe('ERR_AUDIT_QUORUM');
    const stranger = honestLog(8, 20);
    const others = trustFile(parseTrustFile(stranger.trustNote, stranger.rootVkey));
    expect(codeOf(() => verifyEventProof(Buffer.from(proof), others))).toBe('ERR_AUDIT_NOTE_UNTRUSTED');
    const trust = parseTrustFile(log.trustNote, log.rootVkey);
    const expired = trustFile({ ...trust, sealers: trust.sealers.map((s) => ({ ...s, notAfterMs: 0 })) });
    expect(codeOf(() => verifyEventProof(Buffer.from(proof), expired))).toBe('ERR_AUDIT_NOTE_UNTRUSTED');
  });

  test('is not made of what is not there, or not sealed', async () => {
    const missing = async (
      partition: number,
      offset: number,
      topic: string = MADE_TOPICS.events,
    ): Promise<string> =>
      await proveEvent(source, { topic, partition, offset }).then(
        () => 'made',
        (error: unknown) => (error as GauzeError).code,
      );
    expect(await missing(0, 999_999)).toBe('ERR_AUDIT_NOT_PROVABLE');
    expect(await missing(9, 0)).toBe('ERR_AUDIT_NOT_PROVABLE');
    expect(await missing(0, 0, MADE_TOPICS.seals)).toBe('ERR_AUDIT_NOT_PROVABLE');
    expect(await missing(0, 0, MADE_TOPICS.subjects)).toBe('ERR_AUDIT_NOT_PROVABLE');
  });
});

describe('gauze audit prove and check-proof', () => {
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'gauze-proof-test-'));
    await writeRawExport(source, path.join(folder, 'export'));
    writeFileSync(path.join(folder, 'trust.note'), log.trustNote);
    writeFileSync(path.join(folder, 'witnesses.policy'), policyText);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function gauze(...words: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(process.execPath, [path.join(ROOT, 'cli/gauze.ts'), 'audit', ...words], {
      cwd: folder,
      encoding: 'utf8',
    });
  }

  test('go together from an export, with nothing else at hand', () => {
    const { offset } = sealedOf(1).at(-1)!;
    const made = gauze(
      'prove',
      `${MADE_TOPICS.events}/1/${offset}`,
      '--export',
      'export',
      '--out',
      'e.tlog-proof',
    );
    expect([made.status, made.stderr]).toEqual([0, expect.stringContaining('e.tlog-proof')]);
    const checked = gauze('check-proof', 'e.tlog-proof', '--policy', 'witnesses.policy');
    expect([checked.status, checked.stderr]).toEqual([0, '']);
    expect(checked.stdout).toContain('The proof holds.');
    expect(checked.stdout).toContain('by witness.example.org');
    const json = gauze(
      'check-proof',
      'e.tlog-proof',
      '--trust',
      'trust.note',
      '--root',
      log.rootVkey,
      '--json',
    );
    expect(JSON.parse(json.stdout)).toMatchObject({ topic: MADE_TOPICS.events, partition: 1 });
    expect(gauze('check-proof', 'e.tlog-proof').status).toBe(2);
    writeFileSync(path.join(folder, 'bad.tlog-proof'), 'c2sp.org/tlog-proof@v1\n');
    const bad = gauze('check-proof', 'bad.tlog-proof', '--policy', 'witnesses.policy');
    expect([bad.status, bad.stdout]).toEqual([1, '']);
    expect(bad.stderr).toContain('ERR_AUDIT_PROOF');
  });
});
