/**
 * The accounting of disclosures of one patient, 45 CFR 164.528: each disclosure with date, recipient, description and
 * purpose; several to one recipient for one purpose as a summary; research by protocol; suspended ones left out, which
 * is put on record and not hinted at. What is in doubt is listed, never left out.
 */
import type { AuditIndex } from '../query/audit-index.ts';
import { DAY_MS, distinct, indexRemarks, iso, placeName, reference } from '../query/answer.ts';
import type { EventReference, Period, Remarks } from '../query/answer.ts';
import type { Delivery } from '../query/deliveries.ts';
import { idsJoined } from '../query/patient.ts';
import type { EpochToken } from '../query/patient.ts';
import { deliveriesAbout, personRemarks } from '../query/who-saw.ts';
import type { Hold, Protocol, Recipient } from './disclosure-files.ts';
import { isToAtLeast } from './disclosed-persons.ts';
import type { PersonOf } from './disclosed-persons.ts';

/** 164.528(b)(2): one disclosure in full. */
export interface Disclosure {
  /** ISO 8601: the broker's time of the event. */
  readonly date: string;
  readonly recipient: string;
  /** Where known. */
  readonly address: string | null;
  /** Brief description of what was disclosed. */
  readonly description: string;
  readonly purpose: string;
  /** Class of 164.528(a)(1) by the policy then in force. */
  readonly accounting: string;
  readonly isCounted: boolean;
  readonly isCertain: boolean;
  readonly event: EventReference;
}

/** 164.528(b)(3): several disclosures to one recipient for one purpose. */
export interface DisclosureSeries {
  readonly first: Disclosure;
  readonly count: number;
  readonly last: string;
  readonly isCounted: boolean;
}

/** 164.528(b)(4): research that 50 or more were disclosed for; whether this person was is not said. */
export interface ResearchDisclosure {
  readonly recipient: string;
  readonly protocol: Protocol;
  /** What kinds of data were disclosed. */
  readonly description: string;
  readonly first: string;
  readonly last: string;
}

export interface AccountingAnswer {
  readonly from: string;
  readonly to: string;
  readonly form: 'full' | 'summary';
  /** Of the full form. */
  readonly disclosures: readonly Disclosure[];
  /** Of the summary form. */
  readonly series: readonly DisclosureSeries[];
  readonly research: readonly ResearchDisclosure[];
  /** How many ids of the person it covers: more than one where ids were merged. */
  readonly ids: number;
  /** Disclosures that count, by event; without those of research protocols and suspended ones. */
  readonly counted: number;
  readonly remarks: Remarks;
}

/** What was left out because of a suspension: for the record, never for the account. */
export interface Omission {
  readonly hold: string;
  readonly disclosures: number;
}

export interface AccountingOptions {
  readonly period: Period;
  readonly form: 'full' | 'summary';
  readonly withExempt: boolean;
  readonly recipients: ReadonlyMap<string, Recipient>;
  readonly holds: readonly Hold[];
  /** Merged ids count as one person. */
  readonly personOf: PersonOf;
  /** Suspensions that hold now count. */
  readonly nowMs: number;
}

/** 164.528(a)(1): six years before the date of the request. */
const YEARS = 6;
/** 164.528(b)(4)(i) */
const RESEARCH_PERSONS = 50;
/** Of what is in doubt the account is given. */
const COUNTED: ReadonlySet<string> = new Set(['REQUIRED', 'UNDETERMINED']);
const RESEARCH: ReadonlySet<string> = new Set(['HRESCH', 'CLINTRCH', 'BIORCH']);

/** The six years before a time. */
export function lookBack(toMs: number): Period {
  const from = new Date(toMs);
  const month = from.getUTCMonth();
  from.setUTCFullYear(from.getUTCFullYear() - YEARS);
  // 29 February has no day six years before: the day before it, so that nothing is lost.
  if (from.getUTCMonth() !== month) from.setTime(from.getTime() - DAY_MS);
  return { fromMs: from.getTime(), toMs };
}

export function accounting(
  index: AuditIndex,
  tokens: readonly EpochToken[],
  options: AccountingOptions,
): { readonly account: AccountingAnswer; readonly omitted: readonly Omission[] } {
  const { period, form, withExempt } = options;
  const all = deliveriesAbout(index, tokens, period).toOthers.filter(
    ({ delivery }) => delivery.event.facts.accounting !== 'NOT_PHI',
  );
  const wanted = all.filter(({ delivery }) => withExempt || COUNTED.has(delivery.event.facts.accounting));
  const held = Map.groupBy(wanted, ({ delivery }) => holdOf(delivery, options)?.id ?? null);
  const told = held.get(null) ?? [];
  const research = researchOf(
    index,
    told.map(({ delivery }) => delivery),
    options,
  );
  const single = told
    .filter(({ delivery }) => !research.has(keyOf(delivery)))
    .map(({ place, delivery }) => disclosureOf(delivery, placeName(index, place).topic, options));
  const account: AccountingAnswer = {
    from: iso(period.fromMs),
    to: iso(period.toMs),
    form,
    disclosures: form === 'full' ? single : [],
    series: form === 'summary' ? seriesOf(single) : [],
    research: [...research.values()],
    ids: idsJoined(tokens),
    counted: single.filter(({ isCounted }) => isCounted).length,
    remarks: [
      ...indexRemarks(index),
      ...personRemarks(
        index,
        tokens.map(({ epoch }) => epoch),
      ),
    ],
  };
  const omitted = [...held].flatMap(([hold, mine]) =>
    hold === null ? [] : [{ hold, disclosures: mine.length }],
  );
  return { account, omitted };
}

/** The suspension that keeps a disclosure out of the account now. */
function holdOf({ event }: Delivery, { holds, nowMs }: AccountingOptions): Hold | null {
  const { recipient } = event.facts;
  const held = holds.find(
    (hold) => hold.recipient === recipient && hold.fromMs <= nowMs && nowMs < hold.untilMs,
  );
  return held ?? null;
}

function disclosureOf(
  { event, offsets, isCertain }: Delivery,
  topic: string,
  { recipients }: AccountingOptions,
): Disclosure {
  const { recipient, accounting: kind, purpose, audience, grant } = event.facts;
  const known = recipients.get(recipient!);
  return {
    date: iso(event.appendedMs),
    recipient: known?.name ?? recipient!,
    address: known?.address ?? null,
    description: describe(event.facts, topic, offsets.length),
    purpose: `${purpose.join(', ') || 'by policy'}${grant ? `, grant ${grant.id}` : `, audience ${audience}`}`,
    accounting: kind,
    isCounted: COUNTED.has(kind),
    isCertain,
    event: reference(event),
  };
}

function describe({ fieldsClear }: Delivery['event']['facts'], topic: string, records: number): string {
  const fields =
    fieldsClear.length > 0 ? `in clear: ${fieldsClear.join(', ')}; the rest masked` : 'all fields masked';
  return `${records} ${records === 1 ? 'record' : 'records'} of ${topic} (${fields})`;
}

/** First in full, how many, and the last: by recipient and purpose. */
function seriesOf(disclosures: readonly Disclosure[]): readonly DisclosureSeries[] {
  const groups = Map.groupBy(disclosures, ({ recipient, purpose, accounting: kind }) =>
    JSON.stringify([recipient, purpose, kind]),
  );
  return [...groups.values()].map((mine) => ({
    first: mine[0]!,
    count: mine.length,
    last: mine.at(-1)!.date,
    isCounted: mine[0]!.isCounted,
  }));
}

function keyOf({ event: { facts } }: Delivery): string {
  return JSON.stringify([facts.recipient, facts.purpose, facts.audience, facts.grant?.id ?? null]);
}

/** Research that may be told by protocol: where the protocol is known and 50 persons or more were disclosed for it. */
function researchOf(
  index: AuditIndex,
  deliveries: readonly Delivery[],
  { recipients, period, personOf }: AccountingOptions,
): ReadonlyMap<string, ResearchDisclosure> {
  const groups = Map.groupBy(deliveries, keyOf);
  const found = new Map<string, ResearchDisclosure>();
  for (const [key, mine] of groups) {
    const { facts } = mine[0]!.event;
    const known = recipients.get(facts.recipient!);
    if (!known?.protocol || !facts.purpose.some((code) => RESEARCH.has(code))) continue;
    const isOfKey = (delivery: Delivery): boolean => keyOf(delivery) === key;
    if (!isToAtLeast(index, RESEARCH_PERSONS, period, personOf, isOfKey)) continue;
    const dates = mine.map(({ event }) => event.appendedMs);
    found.set(key, {
      recipient: known.name,
      protocol: known.protocol,
      description:
        distinct(mine.flatMap(({ event }) => event.facts.dataClasses)).join(', ') || 'masked records only',
      first: iso(Math.min(...dates)),
      last: iso(Math.max(...dates)),
    });
  }
  return found;
}
