/**
 * What exports of disclosures tell, against the events they are made of: each delivery once, leases only where nothing
 * better is on record, a person only where the asker named one, a profile only where its rules are kept.
 */
import { describe, expect, test } from '@jest/globals';
import { disclosuresOf } from '../../../audit/export/disclosures.ts';
import type { ExportedDisclosure } from '../../../audit/export/disclosures.ts';
import { exportedEvents } from '../../../audit/export/exported-events.ts';
import type { ExportedEvent, ReadCounts } from '../../../audit/export/exported-events.ts';
import { fhirAuditEvent } from '../../../audit/export/fhir-audit-event.ts';
import { ALL_TIME } from '../../../audit/query/answer.ts';
import type { Period } from '../../../audit/query/answer.ts';
import { honestLog } from '../../support/audit-log-maker.ts';
import { MemoryAuditSource } from '../../support/memory-audit-source.ts';

const log = honestLog(5, 200);
const source = new MemoryAuditSource(log.audit);

async function all<T>(things: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const thing of things) found.push(thing);
  return found;
}

async function events(
  period: Period = ALL_TIME,
  counts: ReadCounts = { unreadable: 0, pruned: 0 },
): Promise<ExportedEvent[]> {
  return await all(exportedEvents(source, period, counts));
}

async function* each<T>(things: readonly T[]): AsyncGenerator<T> {
  for (const thing of things) yield await Promise.resolve(thing);
}

function placesOf(found: readonly Pick<ExportedDisclosure, 'at'>[]): readonly string[] {
  return found.map(({ at }) => `${at.topic}/${at.partition}/${at.offset}`).sort();
}

const isLease = ({ event }: ExportedEvent): boolean => event.type === 'session.lease';

describe('disclosures among events', () => {
  test('are the deliveries to somebody outside, each once', async () => {
    const read = await events();
    const wanted = read.filter(
      ({ event }) =>
        event.type === 'session.batch' && event.recipient !== null && event.range!.delivered_count > 0,
    );
    const found = await all(disclosuresOf(each(read)));
    expect(placesOf(found)).toEqual(
      placesOf(wanted.map(({ topic, partition, offset }) => ({ at: { topic, partition, offset } }))),
    );
    expect(found.length).toBeGreaterThan(20);
    expect(new Set(found.map(({ facts }) => facts.recipient))).toEqual(new Set(['research', 'User:alice']));
    expect(found.every(({ isCertain }) => isCertain)).toBe(true);
  });

  test('tell a lease whose delivery is nowhere on record, as an upper bound, in any order of the two', async () => {
    const read = await events();
    const leases = read.filter(isLease);
    expect(leases.length).toBeGreaterThan(1);
    const isDelivery = ({ event }: ExportedEvent): boolean =>
      event.grant !== null && event.type === 'session.batch';
    const lost = read.filter((each) => !isDelivery(each));
    const found = (await all(disclosuresOf(each(lost)))).filter(({ isCertain }) => !isCertain);
    expect(placesOf(found)).toEqual(
      placesOf(leases.map(({ topic, partition, offset }) => ({ at: { topic, partition, offset } }))),
    );
    expect(fhirAuditEvent(found[0]!, 'c', 'disclosure').outcomeDesc).toContain('upper bound');
    const backwards = await all(disclosuresOf(each(read.toReversed())));
    expect(backwards.filter(({ isCertain }) => !isCertain)).toEqual([]);
  });

  test('are those of the period, its end left out', async () => {
    const read = await events();
    const times = read.map(({ appendedMs }) => appendedMs).sort((a, b) => a - b);
    const period = { fromMs: times[10]!, toMs: times.at(-10)! };
    const within = await events(period);
    expect(within).toHaveLength(
      read.filter(({ appendedMs }) => appendedMs >= period.fromMs && appendedMs < period.toMs).length,
    );
    expect(within.length).toBeLessThan(read.length);
  });

  test('count what is no event', async () => {
    const counts = { unreadable: 0, pruned: 0 };
    const { records } = log.partition('events', 0);
    const [kept] = records.splice(3, 1, { ...records[3]!, value: Buffer.from('no event') });
    const read = await events(ALL_TIME, counts);
    records.splice(3, 1, kept!);
    expect([counts.unreadable, read.length + 1]).toEqual([1, (await events()).length]);
  });
});

describe('events whose beginning was removed', () => {
  test('are counted as lacking where they may be of the period, and not where they cannot', async () => {
    const place = log.partition('events', 0);
    const { appendTimeMs } = place.records[10]!;
    const removed = place.records.splice(0, 10);
    place.logStartOffset = place.records[0]!.offset;
    const lacking = async (fromMs: number): Promise<number> => {
      const counts = { unreadable: 0, pruned: 0 };
      await events({ fromMs, toMs: ALL_TIME.toMs }, counts);
      return counts.pruned;
    };
    expect([await lacking(0), await lacking(appendTimeMs), await lacking(appendTimeMs + 1)]).toEqual([
      1, 1, 0,
    ]);
    place.records.unshift(...removed);
    place.logStartOffset = 0;
    expect(await lacking(0)).toBe(0);
  });
});

describe('a disclosure as FHIR', () => {
  test('names a patient where the asker did, and tokens never', async () => {
    const read = await events();
    const found = await all(disclosuresOf(each(read)));
    const tokens = read.flatMap(({ event }) => (event.subjects?.tokens ? [event.subjects.tokens] : []));
    expect(tokens.length).toBeGreaterThan(0);
    const text = found.map((each) => JSON.stringify(fhirAuditEvent(each, 'c', 'disclosure'))).join('\n');
    for (const token of tokens)
      for (const form of ['hex', 'base64', 'latin1'] as const)
        expect(token.length > 0 && text.includes(token.toString(form))).toBe(false);
    expect(text).not.toContain('"Patient"');
    const person = { id: 'MRN-0001', records: 1 };
    const { entity } = fhirAuditEvent({ ...found[0]!, person }, 'c', 'disclosure');
    const patients = entity.filter(({ what }) => what.identifier.value === 'MRN-0001');
    // The profile takes a reference to a Patient only; a validator believes what type it says.
    expect(patients.map(({ what }) => what.type)).toEqual(['Patient']);
  });

  test('tells who, what, when and why as the event does', async () => {
    const read = await events();
    const found = (await all(disclosuresOf(each(read)))).find(({ facts }) => facts.grant !== null)!;
    const { event, appendedMs } = read.find(
      ({ partition, offset }) => partition === found.at.partition && offset === found.at.offset,
    )!;
    const resource = fhirAuditEvent(found, 'made', 'disclosure');
    expect(resource.recorded).toBe(new Date(appendedMs).toISOString());
    expect(resource.purposeOfEvent![0]!.coding[0]!.code).toBe('TREAT');
    expect(resource.agent.map(({ who }) => who.identifier.value)).toEqual([
      'User:gauze-topology',
      'User:alice',
      ...event.grant!.approved_by,
    ]);
    const { topic, partition, first_offset: first, next_offset: next } = event.range!;
    expect(resource.entity[0]!.what.identifier.value).toBe(`${topic}/${partition} [${first}, ${next})`);
    expect(resource.agent.filter(({ requestor }) => requestor)).toHaveLength(1);
  });

  test('claims to be a read only where it succeeded', async () => {
    const [found] = await all(disclosuresOf(each(await events())));
    const profile = (
      outcome: 'SUCCESS' | 'MINOR_FAILURE',
      person: ExportedDisclosure['person'],
    ): string | undefined =>
      fhirAuditEvent({ ...found!, person, facts: { ...found!.facts, outcome } }, 'c', 'read')
        .meta.profile?.[0]?.split('.')
        .at(-1);
    const person = { id: 'MRN-0001', records: 1 };
    expect(profile('SUCCESS', null)).toBe('Read');
    expect(profile('SUCCESS', person)).toBe('PatientRead');
    expect(profile('MINOR_FAILURE', null)).toBeUndefined();
    expect(profile('MINOR_FAILURE', person)).toBe('Source');
  });
});
