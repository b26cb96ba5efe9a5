/**
 * The root over the persons of a batch is held against the index of the batch, whichever of the two comes first, and
 * also where a run ends between them.
 */
import { expect, test } from '@jest/globals';
import { leafHash } from '../../../audit/merkle-tree.ts';
import { EXT_SUBJECTS_ROOT } from '../../../audit/membership-tree.ts';
import { Findings } from '../../../audit/verify/finding.ts';
import { SubjectCheck } from '../../../audit/verify/subject-check.ts';
import type { SubjectsJson } from '../../../audit/verify/subject-check.ts';
import { auditEventCodec } from '../../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../../schemas/control-codecs.ts';
import { MADE_TOPICS, honestLog } from '../../support/audit-log-maker.ts';

const log = honestLog(5, 40, { membershipRoots: true });
const events = [0, 1].flatMap((partition) =>
  log.partition('events', partition).records.flatMap(({ offset, value }) => {
    const event = auditEventCodec.decode(value!);
    return event.subjects?.index_sha256 ? [{ event, value: value!, partition, offset }] : [];
  }),
);
const indexes = [0, 1].flatMap((partition) =>
  log
    .partition('subjects', partition)
    .records.map(({ offset, value }) => ({ value: value!, partition, offset })),
);

const CHANGES: Readonly<Record<string, (event: PhiAuditEvent) => PhiAuditEvent>> = {
  'another root': (event) => ({ ...event, ext: [{ k: EXT_SUBJECTS_ROOT, v: 'ab'.repeat(32) }] }),
  'no root at all in what should be one': (event) => ({ ...event, ext: [{ k: EXT_SUBJECTS_ROOT, v: '' }] }),
  'another number of persons': (event) => ({
    ...event,
    subjects: { ...event.subjects!, distinct: event.subjects!.distinct + 1 },
  }),
};

type Order = 'events first' | 'indexes first' | 'a run between';

function found(order: Order, change: (event: PhiAuditEvent) => PhiAuditEvent): readonly string[] {
  const findings = new Findings();
  let check = new SubjectCheck(findings);
  const read = {
    events: () => {
      for (const [i, { event, value, partition, offset }] of events.entries())
        check.acceptEvent({
          event: i === 2 ? change(event) : event,
          value,
          leaf: leafHash(value),
          topic: MADE_TOPICS.events,
          partition,
          offset,
          appendTimeMs: 0,
        });
    },
    indexes: () => {
      for (const { value, partition, offset } of indexes)
        check.acceptIndex(value, { topic: MADE_TOPICS.subjects, partition, offset });
    },
  };
  if (order === 'events first') read.events();
  read.indexes();
  if (order === 'a run between') {
    const text = JSON.stringify(check);
    expect(text).not.toContain('tokens');
    check = new SubjectCheck(findings, JSON.parse(text) as SubjectsJson);
  }
  if (order !== 'events first') read.events();
  check.finish(false);
  return findings.names();
}

test.each<Order>(['events first', 'indexes first', 'a run between'])(
  'a root or number of persons that is not that of the index is found, %s',
  (order) => {
    expect(events.length).toBeGreaterThan(3);
    expect(found(order, (event) => event)).toEqual([]);
    expect(found(order, (event) => ({ ...event, ext: [] }))).toEqual([]);
    for (const [what, change] of Object.entries(CHANGES))
      expect([what, found(order, change)]).toEqual([what, ['SUBJECT_ROOT']]);
  },
);
