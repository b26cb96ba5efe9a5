/**
 * The local index of the audit topics at size: 1,000,000 events over 10,000,000 records about 100,000 patients, made up
 * and put in as a build does it. Measures the building, the size of the file, and who-saw for one patient.
 * It makes up tokens and reads nothing of a site.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditIndex } from '../audit/query/audit-index.ts';
import { IndexRows } from '../audit/query/index-rows.ts';
import { whoSaw } from '../audit/query/who-saw.ts';
import { systemEvent } from '../audit/audit-chain.ts';
import type { PhiSubjectIndex } from '../schemas/access-codecs.ts';
import type { PhiAuditEvent } from '../schemas/control-codecs.ts';
import type { BenchTable } from './table.ts';

const PATIENTS = 100_000;
const TOPICS = 4;
const PARTITIONS = 4;
const AUDIENCES = ['analytics', 'billing', 'research'];
/** Records of one range of the index of persons; each audience reads it in so many ranges of its own. */
const RANGE = 500;
const READS = 17;
const RANGES_AT_ONCE = 1_000;
const QUERIES = 500;
const TOPIC_ID = Buffer.alloc(16, 1);

/** Builds the index and asks it; `quick`: a hundredth of the size. */
export async function benchAuditQuery({ quick }: { readonly quick: boolean }): Promise<BenchTable> {
  const records = quick ? 100_000 : 10_000_000;
  const folder = mkdtempSync(join(tmpdir(), 'gauze-bench-'));
  const index = AuditIndex.open(join(folder, 'index.sqlite'), { clusterId: 'bench', prefix: 'gauze' });
  try {
    const tokens = Array.from({ length: PATIENTS }, () => randomBytes(8));
    const began = performance.now();
    const events = fill(index, tokens, records / RANGE);
    const buildMs = performance.now() - began;
    const { times, deliveries } = ask(index, tokens);
    const at = (share: number): string => `${times[Math.floor(share * (QUERIES - 1))]!.toFixed(1)} ms`;
    return await Promise.resolve({
      title: 'Index of the audit topics: who saw a patient',
      columns: [
        'events',
        'records',
        'put in',
        'file',
        'deliveries of one patient',
        'median',
        'p99',
        'longest',
      ],
      rows: [
        [
          events,
          records,
          `${(buildMs / 1000).toFixed(0)} s`,
          `${(index.size / 1e6).toFixed(0)} MB`,
          (deliveries / QUERIES).toFixed(0),
          at(0.5),
          at(0.99),
          at(1),
        ],
      ],
      notes: [
        `put in: rows of ${PATIENTS} patients over ${TOPICS} topics of ${PARTITIONS} partitions, in transactions of ${RANGES_AT_ONCE} index ranges; reading from Kafka and decoding not included.`,
        `median, p99, longest: of ${QUERIES} questions about one patient each, by one token, without the record of the question.`,
      ],
    });
  } finally {
    index.close();
    rmSync(folder, { recursive: true });
  }
}

/** Gives the number of events. */
function fill(index: AuditIndex, tokens: readonly Buffer[], ranges: number): number {
  const rows = new IndexRows(index);
  const positions = new Map<string, number>();
  let offset = 0;
  let events = 0;
  const range = (nth: number): void => {
    const place = {
      topic: `clinical.topic-${nth % TOPICS}`,
      partition: Math.floor(nth / TOPICS) % PARTITIONS,
    };
    const first = positions.get(JSON.stringify(place)) ?? 0;
    positions.set(JSON.stringify(place), first + RANGE);
    rows.subjects({ partition: 0, offset: offset++ }, subjectsOf(place, first, tokens));
    for (const audience of AUDIENCES) {
      for (let part = 0; part < READS; part++) {
        const [from, to] = [part, part + 1].map((each) => first + Math.floor((each * RANGE) / READS));
        rows.event({ partition: 1, offset: offset++ }, offset, batchOf(audience, place, from!, to!));
        events++;
      }
    }
  };
  for (let done = 0; done < ranges; done += RANGES_AT_ONCE) {
    index.atOnce(() => {
      for (let nth = done; nth < Math.min(ranges, done + RANGES_AT_ONCE); nth++) range(nth);
      rows.flush();
    });
  }
  return events;
}

/** Questions about patients drawn at random; milliseconds each, rising. */
function ask(index: AuditIndex, tokens: readonly Buffer[]): { times: readonly number[]; deliveries: number } {
  let deliveries = 0;
  const times = Array.from({ length: QUERIES }, () => {
    const token = tokens[randomInt(PATIENTS)]!;
    const from = performance.now();
    const { viewers } = whoSaw(index, [{ epoch: 1, token }]);
    const ms = performance.now() - from;
    deliveries += viewers.reduce((sum, { records }) => sum + records, 0);
    return ms;
  });
  return { times: times.toSorted((a, b) => a - b), deliveries };
}

interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** Raw records are keyed by patient: one patient, one partition of a topic. */
function subjectsOf(place: Place, first: number, tokens: readonly Buffer[]): PhiSubjectIndex {
  const about = Array.from(
    { length: RANGE },
    () => tokens[randomInt(PATIENTS / PARTITIONS) * PARTITIONS + place.partition]!,
  );
  return {
    ...place,
    topic_id: TOPIC_ID.toString('hex'),
    first_offset: first,
    next_offset: first + RANGE,
    record_count: RANGE,
    key_epoch: 1,
    offsets: null,
    tokens: Buffer.concat(about),
  };
}

function batchOf(audience: string, place: Place, first: number, next: number): PhiAuditEvent {
  const body = systemEvent('session.batch', { id: 'User:gauze-topology', role: 'topology' }, []);
  return {
    ...body,
    recipient: { id: audience, name: null, address: null },
    policy: { ...body.policy, id: audience },
    range: {
      ...place,
      cluster_id: 'bench',
      topic_id: TOPIC_ID,
      first_offset: first,
      next_offset: next,
      record_count: next - first,
      delivered_count: next - first,
      delivered: null,
      bytes: 0,
      records_sha256: null,
    },
    event_id: Buffer.alloc(16),
    recorded_at: 0,
    writer_id: 'bench',
    chain_id: Buffer.alloc(16),
    seq: 0,
    prev_hash: Buffer.alloc(32),
    key_epoch: 0,
    sig: null,
  };
}
