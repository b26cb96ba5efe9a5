/**
 * Everything that must be true of a site whose lanes have caught up, found out from outside.
 */
import type { ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import type { LaneReport } from '../../topology/lane-report.ts';
import { appliedPolicies } from './applied-policies.ts';
import { auditFaults, auditedEvents } from './audit-oracle.ts';
import type { AuditedEvent } from './audit-oracle.ts';
import { indexFaults } from './index-oracle.ts';
import { expectedRecords } from './sanitized-oracle.ts';
import { AUDIENCES } from './test-site.ts';
import type { Audience, TestSite } from './test-site.ts';
import { dumpTopics } from './topic-dump.ts';
import type { DumpedRecord } from './topic-dump.ts';

export interface SiteTruth {
  /** Where a sanitized partition is not what the slow reference says; empty where all are equal. */
  readonly sequenceFaults: readonly string[];
  readonly auditFaults: readonly string[];
  /** Where the index of persons is not what the raw records say. */
  readonly indexFaults: readonly string[];
  readonly events: readonly AuditedEvent[];
  /** Records compared. */
  readonly compared: number;
}

/** Reads all topics of the site, in one go, and compares. `lanes` are the reports of lanes that have caught up. */
export async function siteTruth(site: TestSite, lanes: readonly LaneReport[]): Promise<SiteTruth> {
  const served = AUDIENCES.filter((audience) => lanes.some((lane) => lane.audience === audience));
  const sanitized = site.topics.flatMap((topic) => served.map((audience) => site.sanitized(topic, audience)));
  const raw = site.topics.map((topic) => site.raw(topic));
  const { auditEvents, auditSubjects, policies } = site.names;
  const dump = await dumpTopics([...raw, ...sanitized, auditEvents, auditSubjects, policies]);
  const byTopic = Map.groupBy(dump, ({ topic }) => topic);
  const records = (topic: string): readonly DumpedRecord[] => byTopic.get(topic) ?? [];
  const applied = appliedPolicies(records(policies));
  const sequenceFaults: string[] = [];
  let compared = 0;
  for (const topic of site.topics) {
    for (const audience of served) {
      const found = records(site.sanitized(topic, audience));
      compared += found.length;
      const source = records(site.raw(topic));
      const wanted = await expectedRecords(site, applied, audience, site.raw(topic), source);
      sequenceFaults.push(...differences(topic, audience, source, wanted, found));
    }
  }
  const events = auditedEvents(records(auditEvents));
  const committed = new Map(
    lanes.map((lane) => [`${lane.audience}/${lane.topic}/${lane.partition}`, lane.position!]),
  );
  const index = await indexFaults({
    keyringFile: site.keyringFile,
    raw: raw.flatMap(records),
    subjects: records(auditSubjects),
    events,
  });
  return {
    sequenceFaults,
    auditFaults: auditFaults(events, committed),
    indexFaults: index,
    events,
    compared,
  };
}

/** Names the first place in each partition where two sequences part; never what stands there. */
function differences(
  topic: ClinicalTopic,
  audience: Audience,
  raw: readonly DumpedRecord[],
  wanted: readonly { readonly key: Buffer | null; readonly value: Buffer }[],
  found: readonly DumpedRecord[],
): string[] {
  const faults: string[] = [];
  const expected = Map.groupBy(
    wanted.map((record, i) => ({ ...record, partition: raw[i]!.partition })),
    ({ partition }) => partition,
  );
  const actual = Map.groupBy(found, ({ partition }) => partition);
  for (const partition of new Set([...expected.keys(), ...actual.keys()])) {
    const want = expected.get(partition) ?? [];
    const have = actual.get(partition) ?? [];
    const at = want.findIndex((record, i) => !same(record, have[i]));
    if (at >= 0) faults.push(`${topic} for ${audience}, partition ${partition}: record ${at} differs`);
    else if (have.length !== want.length) {
      faults.push(
        `${topic} for ${audience}, partition ${partition}: ${have.length} records in place of ${want.length}`,
      );
    }
  }
  return faults;
}

function same(
  want: { readonly key: Buffer | null; readonly value: Buffer },
  have: DumpedRecord | undefined,
): boolean {
  if (!have?.value) return false;
  const sameKey = want.key === null ? have.key === null : have.key !== null && want.key.equals(have.key);
  return sameKey && want.value.equals(have.value);
}
