/**
 * Who saw a patient: every delivery of a record about the person, through which audience or grant, which fields in
 * clear, when and how often. What the index of persons does not cover is said, never passed over.
 */
import { cellText } from './audit-index.ts';
import type { AuditIndex } from './audit-index.ts';
import { ALL_TIME, distinct, indexRemarks, iso, isWithin, placeName, reference } from './answer.ts';
import type { EventReference, Period, Remarks } from './answer.ts';
import { Deliveries, spansIn } from './deliveries.ts';
import type { Delivery } from './deliveries.ts';
import { idsJoined, recordsAbout } from './patient.ts';
import type { EpochToken } from './patient.ts';

/** Records of one raw partition that one event delivered. */
export interface Sighting {
  readonly event: EventReference;
  readonly topic: string;
  readonly partition: number;
  /** Raw offsets. */
  readonly offsets: readonly number[];
  /** All other fields were masked, by the plan with the hash `plan`. */
  readonly fieldsClear: readonly string[];
  readonly dataClasses: readonly string[];
  readonly plan: string | null;
  /** False: at most these; see `Delivery`. */
  readonly isCertain: boolean;
}

/** Everything that one recipient got, for one purpose, through one audience or grant. */
export interface Viewer {
  readonly through: 'audience' | 'grant';
  /** Name of the audience, or id of the grant. */
  readonly name: string;
  readonly recipient: string;
  readonly purpose: readonly string[];
  readonly accounting: string;
  /** Events, and records in them. */
  readonly times: number;
  readonly records: number;
  readonly first: string;
  readonly last: string;
  readonly fieldsClear: readonly string[];
  readonly dataClasses: readonly string[];
  readonly isCertain: boolean;
  readonly sightings: readonly Sighting[];
}

export interface WhoSawAnswer {
  readonly question: 'who-saw';
  /** Key epochs that the person was looked for in. */
  readonly epochs: readonly number[];
  /** How many ids of the person were looked for: more than one where ids were merged. */
  readonly ids: number;
  /** Records about the person in the index. */
  readonly records: number;
  readonly viewers: readonly Viewer[];
  /** Reads by gauze itself, delivered to nobody outside. */
  readonly ownReads: number;
  readonly remarks: Remarks;
}

/** Deliveries about a person to anybody outside of gauze, by when the broker recorded them, and gauze's own reads. */
export interface PersonDeliveries {
  readonly toOthers: readonly { readonly place: number; readonly delivery: Delivery }[];
  readonly ownReads: number;
  readonly records: number;
}

export function deliveriesAbout(
  index: AuditIndex,
  tokens: readonly EpochToken[],
  period: Period,
): PersonDeliveries {
  const deliveries = new Deliveries(index);
  const about = [...recordsAbout(index, tokens)];
  const all = about
    .flatMap(([place, offsets]) => deliveries.of(place, offsets).map((delivery) => ({ place, delivery })))
    .filter(({ delivery }) => isWithin(delivery.event.appendedMs, period));
  const toOthers = all
    .filter(({ delivery }) => delivery.event.facts.recipient !== null)
    .sort((a, b) => a.delivery.event.appendedMs - b.delivery.event.appendedMs);
  const records = about.reduce((sum, [, offsets]) => sum + offsets.length, 0);
  return { toOthers, ownReads: all.length - toOthers.length, records };
}

export function whoSaw(
  index: AuditIndex,
  tokens: readonly EpochToken[],
  period: Period = ALL_TIME,
): WhoSawAnswer {
  const { toOthers, ownReads, records } = deliveriesAbout(index, tokens, period);
  const byViewer = Map.groupBy(toOthers, ({ delivery }) => viewerKey(delivery));
  const viewers = [...byViewer.values()].map((mine) =>
    viewerOf(mine.map(({ place, delivery }) => ({ delivery, ...placeName(index, place) }))),
  );
  const epochs = [...new Set(tokens.map(({ epoch }) => epoch))];
  return {
    question: 'who-saw',
    epochs,
    ids: idsJoined(tokens),
    records,
    viewers,
    ownReads,
    remarks: [...indexRemarks(index), ...personRemarks(index, epochs)],
  };
}

type Placed = { readonly delivery: Delivery; readonly topic: string; readonly partition: number };

function viewerKey({ event: { facts } }: Delivery): string {
  const { grant, audience, recipient, purpose, accounting } = facts;
  return JSON.stringify([grant?.id ?? null, audience, recipient, purpose, accounting]);
}

function viewerOf(mine: readonly Placed[]): Viewer {
  const { facts } = mine[0]!.delivery.event;
  const sightings = mine.map(sightingOf);
  const times = mine.map(({ delivery }) => delivery.event.appendedMs);
  return {
    through: facts.grant ? 'grant' : 'audience',
    name: facts.grant?.id ?? facts.audience,
    recipient: facts.recipient!,
    purpose: facts.purpose,
    accounting: facts.accounting,
    times: mine.length,
    records: mine.reduce((sum, { delivery }) => sum + delivery.offsets.length, 0),
    first: iso(Math.min(...times)),
    last: iso(Math.max(...times)),
    fieldsClear: distinct(sightings.flatMap(({ fieldsClear }) => fieldsClear)),
    dataClasses: distinct(sightings.flatMap(({ dataClasses }) => dataClasses)),
    isCertain: sightings.every(({ isCertain }) => isCertain),
    sightings,
  };
}

function sightingOf({ delivery: { event, offsets, isCertain }, topic, partition }: Placed): Sighting {
  const { fieldsClear, dataClasses, plan } = event.facts;
  return { event: reference(event), topic, partition, offsets, fieldsClear, dataClasses, plan, isCertain };
}

/** Where the index of persons could not say whom delivered records are about. */
export function personRemarks(index: AuditIndex, epochs: readonly number[]): Remarks {
  const foreign = index
    .all('SELECT epoch FROM epochs')
    .map((row) => Number(row['epoch']))
    .filter((epoch) => !epochs.includes(epoch))
    .map((epoch) => `records were indexed under key epoch ${epoch}, which this keyring does not have`);
  const places = index.all('SELECT id, topic, partition, nobody FROM places ORDER BY topic, partition');
  const nobody = places
    .filter((row) => Number(row['nobody']) > 0)
    .map(
      (row) =>
        `${cellText(row, 'topic')}/${cellText(row, 'partition')}: ${cellText(row, 'nobody')} records name nobody`,
    );
  const uncovered = places.flatMap((row) => {
    const place = Number(row['id']);
    const [read, indexed] = [endOf(index, 'events', place), endOf(index, 'subject_ranges', place)];
    return read > indexed
      ? [
          `${cellText(row, 'topic')}/${cellText(row, 'partition')}: read up to ${read}, persons indexed only up to ${indexed}`,
        ]
      : [];
  });
  return [...foreign, ...nobody, ...uncovered];
}

/** Where the ranges of a place end. */
function endOf(index: AuditIndex, table: 'events' | 'subject_ranges', place: number): number {
  const ends = spansIn(index, table, place).map((span) => {
    const last = index.get(
      `SELECT MAX(first) AS first FROM ${table} WHERE place = ? AND span = ?`,
      place,
      span,
    );
    // A range of this span that begins earlier may still end later, but not by more than the span.
    const row = index.get(
      `SELECT MAX(next) AS next FROM ${table} WHERE place = ? AND span = ? AND first > ?`,
      place,
      span,
      Number(last?.['first']) - 2 ** span,
    );
    return Number(row?.['next']);
  });
  return Math.max(0, ...ends);
}
