/**
 * What the seals of a site must be, worked out from its topics as Kafka's own Java consumer reads them: a Merkle tree
 * written down straight from RFC 6962, section 2.1, and nothing of the sealer.
 */
import { createHash } from 'node:crypto';
import { formatVkey, NOTE_KEY, noteSigner, openNote, parseVkey } from '../../audit/signed-note.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import { readSealRecord } from '../../schemas/seal-codecs.ts';
import type { PhiAuditSeal } from '../../schemas/seal-codecs.ts';
import type { TestSite } from './test-site.ts';
import { dumpTopics } from './topic-dump.ts';
import type { DumpedRecord } from './topic-dump.ts';

export interface SiteSeals {
  readonly seals: readonly PhiAuditSeal[];
  /** What each note says, in order; verified with the site's sealer key. */
  readonly notes: readonly { readonly origin: string; readonly size: number; readonly root: string }[];
  /** Everything that does not hold; empty where all is sound. */
  readonly faults: readonly string[];
}

/** Reads the audit topics of a site and holds every seal and note against them. */
export async function siteSeals(site: TestSite): Promise<SiteSeals> {
  const { auditEvents, auditSubjects, auditSeals } = site.names;
  // Seals first: what they seal is there already.
  const sealed = await dumpTopics([auditSeals]);
  const events = await dumpTopics([auditEvents, auditSubjects]);
  const records = sealed.map(({ key, value }) => readSealRecord(key, value));
  const seals = records.flatMap((record) => (record.kind === 'seal' ? [record] : []));
  const faults = [...chainFaults(seals), ...seals.flatMap(({ seal }) => partitionFaults(seal, events))];
  const leaves = seals.map(({ value }) => leaf(value));
  const verifier = await sealerVerifier(site, seals[0]?.seal.origin ?? '');
  const notes = records.flatMap((record) => {
    if (record.kind !== 'checkpoint') return [];
    const [origin = '', size = '', root = ''] = openNote(record.note, [verifier]).text.split('\n');
    const expected = treeRoot(leaves.slice(0, Number(size))).toString('base64');
    if (root !== expected) faults.push(`note of size ${size}: another root`);
    return [{ origin, size: Number(size), root }];
  });
  return { seals: seals.map(({ seal }) => seal), notes, faults };
}

function chainFaults(seals: readonly { seal: PhiAuditSeal; value: Buffer }[]): string[] {
  let previous: Buffer = Buffer.alloc(32);
  return seals.flatMap(({ seal, value }, n) => {
    const faults: string[] = [];
    if (seal.n !== n) faults.push(`seal ${seal.n} stands where ${n} should`);
    if (!seal.prev_seal_hash.equals(previous)) faults.push(`seal ${n} does not follow the one before`);
    previous = leaf(value);
    return faults;
  });
}

function partitionFaults(seal: PhiAuditSeal, events: readonly DumpedRecord[]): string[] {
  return seal.partitions.flatMap(({ topic, partition, next_offset: end, tree_size: size, root }) => {
    const leaves = events
      .filter((each) => each.topic === topic && each.partition === partition && each.offset < end)
      .map(({ value }) => leaf(value ?? Buffer.alloc(0)));
    const where = `seal ${seal.n}, ${topic} ${partition}`;
    if (leaves.length !== size) return [`${where}: ${size} records, ${leaves.length} are there`];
    return treeRoot(leaves).equals(root) ? [] : [`${where}: another root`];
  });
}

/** The public half of the key that the site's keyring gives its sealer. */
async function sealerVerifier(site: TestSite, origin: string) {
  const key = (await loadKeyring(site.keyringFile)).auditWriter('sealer');
  return parseVkey(formatVkey(noteSigner(origin, NOTE_KEY.ED25519, key)));
}

function leaf(value: Buffer): Buffer {
  return createHash('sha256')
    .update(Buffer.from([0]))
    .update(value)
    .digest();
}

/** MTH(D[n]): the largest power of two below n goes to the left. */
function treeRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return createHash('sha256').digest();
  if (leaves.length === 1) return leaves[0]!;
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  return createHash('sha256')
    .update(Buffer.from([1]))
    .update(treeRoot(leaves.slice(0, left)))
    .update(treeRoot(leaves.slice(left)))
    .digest();
}
