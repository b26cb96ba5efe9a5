/**
 * The export as transparency logs: read back and checked by Go's sumdb, which shares no code with ours; nothing that
 * is not under the checkpoint, nothing where the topics are not what was sealed.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { makeTlogTiles } from '../../../audit/export/export-makers.ts';
import { proveEvent } from '../../../audit/event-prover.ts';
import { TileWriter, tilePath } from '../../../audit/export/tile-writer.ts';
import { rootOf, leafHash } from '../../../audit/merkle-tree.ts';
import { formatVkey } from '../../../audit/signed-note.ts';
import { trustFile, verifyEventProof } from '../../../audit/tlog-proof.ts';
import { parseTrustFile } from '../../../audit/trust-file.ts';
import { CHECKPOINT_KEY, checkpointCodec } from '../../../schemas/seal-codecs.ts';
import { MADE_TOPICS, honestLog } from '../../support/audit-log-maker.ts';
import { askGoAboutTiles, goMissing } from '../../support/go-oracle.ts';
import { MemoryAuditSource, copyAudit } from '../../support/memory-audit-source.ts';

const log = honestLog(3, 700);
const folder = mkdtempSync(join(tmpdir(), 'gauze-tiles-'));
const target = join(folder, 'logs');
const SEALS = `${MADE_TOPICS.seals}-0`;
const noGo = goMissing();

beforeAll(async () => {
  const { ready } = await makeTlogTiles(new MemoryAuditSource(log.audit), { target });
  await ready.publish();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Values of a partition, in base64. */
function valuesOf(kind: 'events' | 'subjects', partition: number): readonly string[] {
  return log.partition(kind, partition).records.map(({ value }) => value!.toString('base64'));
}

async function refused(change: (audit: ReturnType<typeof copyAudit>) => void): Promise<unknown> {
  const audit = copyAudit(log.audit);
  change(audit);
  try {
    await makeTlogTiles(new MemoryAuditSource(audit), { target: join(folder, 'refused') });
    return 'not refused';
  } catch (error) {
    const { code, context } = error as { code: string; context: { expected: string } };
    return [code, context.expected];
  } finally {
    expect(readdirSync(folder)).toEqual(['logs']);
  }
}

describe('an export as transparency logs', () => {
  (noGo === null ? test : test.skip)(
    `holds every sealed record in a log that Go believes${noGo === null ? '' : ` (${noGo})`}`,
    () => {
      const found = askGoAboutTiles(formatVkey(log.sealer), target, SEALS);
      expect(Object.values(found).map(({ Problem }) => Problem)).toEqual(Object.keys(found).map(() => ''));
      const { seal } = log.seals.at(-1)!;
      expect(found[SEALS]!.Entries).toEqual(log.seals.map(({ value }) => value.toString('base64')));
      expect(Object.keys(found)).toHaveLength(1 + seal.partitions.length);
      let longest = 0;
      for (const { topic, partition, tree_size: size, root } of seal.partitions) {
        const kind = topic === MADE_TOPICS.events ? 'events' : 'subjects';
        const { Entries, Root, Origin } = found[`${topic}-${partition}`]!;
        expect(Entries ?? []).toEqual(valuesOf(kind, partition).slice(0, size));
        expect([Root, Origin]).toEqual([root.toString('base64'), `${seal.origin}/${topic}/${partition}`]);
        longest = Math.max(longest, size);
      }
      expect(longest).toBeGreaterThan(256);
    },
  );

  (noGo === null ? test : test.skip)('is believed by Go no longer once a byte of it is another', () => {
    const place = `${MADE_TOPICS.events}-0`;
    const places: readonly (readonly [path: string, at: number])[] = [
      [`${place}/tile/entries/000`, 40],
      [`${place}/tile/0/000`, 40],
      [`${place}/head`, -10],
      [`${place}/head.tlog-proof`, 400],
      [`${SEALS}/checkpoint`, 3],
    ];
    for (const [path, at] of places) {
      const file = join(target, path);
      const bytes = readFileSync(file);
      const changed = Buffer.from(bytes);
      changed[(bytes.length + at) % bytes.length]! ^= 1;
      writeFileSync(file, changed);
      const found = askGoAboutTiles(formatVkey(log.sealer), target, SEALS);
      writeFileSync(file, bytes);
      expect([path, found[path.split('/')[0]!]!.Problem]).not.toEqual([path, '']);
    }
  });

  test('carries hashes of all its files that sha256sum checks', () => {
    const { status, stdout } = spawnSync('sha256sum', ['--check', 'SHA256SUMS'], {
      cwd: target,
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    const files = readdirSync(target, { recursive: true, withFileTypes: true }).filter((each) =>
      each.isFile(),
    );
    expect(stdout.trim().split('\n')).toHaveLength(files.length - 1);
  });

  test('is refused where records are not what was sealed, were removed, or no checkpoint is over them', async () => {
    expect(
      await refused(({ partitions }) => {
        partitions[0]!.records[5]!.value![20]! ^= 1;
      }),
    ).toEqual(['ERR_AUDIT_EXPORT_TILES', 'the records that were sealed']);
    expect(
      await refused(({ partitions }) => {
        partitions[0]!.records.splice(10);
      }),
    ).toEqual(['ERR_AUDIT_EXPORT_TILES', 'as many records as were sealed']);
    expect(
      await refused(({ partitions }) => {
        partitions[1]!.logStartOffset = 1;
      }),
    ).toEqual(['ERR_AUDIT_EXPORT_TILES', 'the beginning of the log, which was pruned']);
    expect(
      await refused(({ partitions }) => {
        const seals = partitions.find(({ kind }) => kind === 'seals')!;
        seals.records = seals.records.filter(({ key }) => key?.toString() !== CHECKPOINT_KEY);
      }),
    ).toEqual(['ERR_AUDIT_EXPORT_TILES', 'a checkpoint; wait for the sealer']);
  });

  test('takes no note for a checkpoint that is not about the seals that are there', async () => {
    const audit = copyAudit(log.audit);
    const seals = audit.partitions.find(({ kind }) => kind === 'seals')!;
    const last = seals.records.findLast(({ key }) => key?.toString() === CHECKPOINT_KEY)!;
    const { note } = checkpointCodec.decode(last.value!);
    const [origin, size, , blank, ...signatures] = note.split('\n');
    // As large as the true one, and with more signatures.
    const head = [origin, size, Buffer.alloc(32, 1).toString('base64'), blank];
    const forged = [...head, ...signatures.slice(0, -1), ...signatures].join('\n');
    const value = checkpointCodec.encode({ note: forged }, 1);
    seals.records.push({ ...last, offset: seals.endOffset, value });
    seals.endOffset += 1;
    const { ready } = await makeTlogTiles(new MemoryAuditSource(audit), { target: join(folder, 'noted') });
    await ready.publish();
    expect(readFileSync(join(folder, 'noted', SEALS, 'checkpoint'), 'utf8')).toBe(
      readFileSync(join(target, SEALS, 'checkpoint'), 'utf8'),
    );
    rmSync(join(folder, 'noted'), { recursive: true });
    const place = {
      topic: MADE_TOPICS.events,
      partition: 0,
      offset: log.partition('events', 0).records[3]!.offset,
    };
    const proof = await proveEvent(new MemoryAuditSource(audit), place);
    const trust = trustFile(parseTrustFile(log.trustNote, log.rootVkey));
    expect(verifyEventProof(Buffer.from(proof), trust).index).toBe(3);
  });

  test('replaces an earlier export or what is left of one, and nothing else', async () => {
    const { ready } = await makeTlogTiles(new MemoryAuditSource(log.audit), { target });
    const before = readFileSync(join(target, 'SHA256SUMS'), 'utf8');
    await ready.publish();
    expect(readFileSync(join(target, 'SHA256SUMS'), 'utf8')).toBe(before);
    const other = mkdtempSync(join(tmpdir(), 'gauze-other-'));
    writeFileSync(join(other, 'thesis.txt'), 'years of work');
    await expect(makeTlogTiles(new MemoryAuditSource(log.audit), { target: other })).rejects.toMatchObject({
      code: 'ERR_AUDIT_EXPORT_FILE',
    });
    expect(readdirSync(other)).toEqual(['thesis.txt']);
    mkdirSync(`${other}/logs.part`);
    writeFileSync(join(other, 'logs.part', 'notes.txt'), 'of somebody else');
    const begun = makeTlogTiles(new MemoryAuditSource(log.audit), { target: join(other, 'logs') });
    await expect(begun).rejects.toMatchObject({ code: 'ERR_AUDIT_EXPORT_FILE' });
    expect(readdirSync(join(other, 'logs.part'))).toEqual(['notes.txt']);
    rmSync(other, { recursive: true });
  });
});

describe('tiles', () => {
  test('have the paths of the specification', () => {
    expect(tilePath(0, 1_234_067)).toBe('tile/0/x001/x234/067');
    expect(tilePath('entries', 273, 33)).toBe('tile/entries/273.p/33');
  });

  test('of 65,836 entries reach the third level, and their root is that of the tree', async () => {
    const files = new Map<string, Buffer>();
    const writer = new TileWriter((path, bytes) => Promise.resolve(void files.set(path, bytes)));
    const entries = Array.from({ length: 65_836 }, (_, i) => Buffer.from(`entry ${i}`));
    for (const entry of entries) await writer.append(entry);
    await writer.end();
    expect(writer.root()).toEqual(rootOf(entries.map((entry) => leafHash(entry))));
    expect(files.get('tile/2/000.p/1')).toHaveLength(32);
    expect(files.get('tile/1/000')).toHaveLength(8192);
    expect(files.get('tile/1/001.p/1')).toHaveLength(32);
    expect(files.get('tile/0/257.p/44')).toHaveLength(44 * 32);
    expect(files.size).toBe(2 * 258 + 2 + 1);
  });

  test('take no entry that two bytes cannot measure', async () => {
    const writer = new TileWriter(() => Promise.resolve());
    await writer.append(Buffer.alloc(65_535));
    await expect(writer.append(Buffer.alloc(65_536))).rejects.toMatchObject({ code: 'ERR_AUDIT_TREE' });
  });
});
