/**
 * What must be true of every grant of a run, found out from outside: from what a watcher read uncommitted, the raw
 * topics, the access log and the audit topic. Shares with gauze only the codecs of values; folds decisions itself.
 */
import type { AccessEntry, Scope } from '../../schemas/access-codecs.ts';
import { accessEntryCodec, grantStateCodec } from '../../schemas/access-codecs.ts';
import type { GrantState } from '../../schemas/access-codecs.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { auditedEvents } from './audit-oracle.ts';
import type { AuditedEvent } from './audit-oracle.ts';
import { AvroValues } from './avro-values.ts';
import type { Scalar } from './avro-values.ts';
import type { GrantRun } from './grant-run.ts';
import { testStack } from './stack.ts';
import { subjectRoot, tokenByHand } from './token-oracle.ts';
import { dumpTopics } from './topic-dump.ts';
import type { DumpedRecord } from './topic-dump.ts';
import type { WatchedRecord } from './topic-watch.ts';

export interface GrantTruth {
  /** Every promise that a grant broke: never a value, only coordinates. */
  readonly faults: readonly string[];
  /** Records that were appended to grant topics, aborted ones and repetitions included. */
  readonly appended: number;
  /** Of these, those that a consumer of committed records was given. */
  readonly committed: number;
  /** Values compared with the raw ones. */
  readonly compared: number;
  readonly leases: number;
  /** Grants that have delivered at least one record. */
  readonly delivering: number;
  /** Grants whose delivery was complete, and was compared to the record. */
  readonly complete: number;
  /** Grants that were delivering in their last seconds, so that their end had something to cut off. */
  readonly cutByTime: number;
  /** State of each grant in gauze.grants, as last written. */
  readonly states: ReadonlyMap<string, string>;
  /** Milliseconds from the API's answer to the last append, for each revocation while records flowed. */
  readonly cutOffsMs: readonly number[];
}

/** What the people have decided, and when it began. */
interface Decided {
  readonly scope: Scope;
  /** By the broker's clock; null where it never began. */
  readonly notAfterMs: number | null;
}

interface RawRecord {
  readonly partition: number;
  readonly offset: number;
  readonly person: string;
  readonly scalars: readonly Scalar[];
}

/** Leaves that the research policy hides or changes, in all topics; written down by hand, not taken from tags. */
const MASKED = new RegExp(
  `^(${[
    'patientId|encounterId|claimId|accountNumber|payerAccount',
    'period\\.(start|end)|billablePeriod\\.(start|end)|createdAt|illnessDate|effectiveAt|lastBilled\\{\\}',
    'organizationId|organization\\.(organizationId|name)|participants\\[\\]\\.(practitionerId|npi|name)',
    'providerIds\\{\\}|insurance\\[\\]\\.(memberId|policyHolder)|performer|device\\.(udi|serial)',
    'notes\\[\\]\\.(writtenAt|author|text)|note|adjusterNote|value<string>|hivMarker',
    'substanceUse\\.\\w+|behavioralHealth\\.\\w+',
  ].join('|')})$`,
);
const PSEUDONYM = /^[0-9a-f]{32}$/;
/** The last seconds of a grant; in the very last one nothing may be sent any more. */
const LAST_MS = 4_000;
/** Of each kind of fault, so many are told. */
const TOLD_MAX = 20;

/** Checks a run that is over; its site is still there. */
export async function grantTruth(run: GrantRun): Promise<GrantTruth> {
  return (await GrantOracle.read(run)).truth();
}

class GrantOracle {
  private readonly run: GrantRun;
  private readonly dump: ReadonlyMap<string, readonly DumpedRecord[]>;
  private readonly codecs: ReadonlyMap<number, AvroValues>;
  private readonly tokenOf: (person: string) => string;
  private readonly decided: ReadonlyMap<string, Decided>;
  private readonly events: ReadonlyMap<string, readonly AuditedEvent[]>;
  private readonly audited: readonly AuditedEvent[];
  private readonly raw = new Map<string, ReadonlyMap<number, RawRecord>>();
  /** Whose a pseudonym is: a grant's id, or the base audience. */
  private readonly owners = new Map<string, string>();
  private readonly faults: string[] = [];
  private compared = 0;
  private leases = 0;
  private complete = 0;

  private constructor(
    run: GrantRun,
    parts: {
      dump: ReadonlyMap<string, readonly DumpedRecord[]>;
      codecs: ReadonlyMap<number, AvroValues>;
      tokenOf: (person: string) => string;
    },
  ) {
    this.run = run;
    this.dump = parts.dump;
    this.codecs = parts.codecs;
    this.tokenOf = parts.tokenOf;
    const { names } = run.site;
    this.decided = decisions(this.records(names.access));
    this.audited = auditedEvents(this.records(names.auditEvents));
    const ofGrants = this.audited.filter(({ event }) => event.grant !== null && event.range !== null);
    this.events = Map.groupBy(ofGrants, ({ event }) => event.grant!.id);
  }

  static async read(run: GrantRun): Promise<GrantOracle> {
    const { site } = run;
    const { access, grants, auditEvents } = site.names;
    const topics = site.topics.flatMap((topic) => [site.raw(topic), site.sanitized(topic, 'research')]);
    const dump = Map.groupBy(
      await dumpTopics([...topics, access, grants, auditEvents]),
      ({ topic }) => topic,
    );
    const codecs = new Map([...run.schemas].map(([id, schema]) => [id, new AvroValues(schema)]));
    const registry = new RegistryClient({ url: testStack().registryUrl });
    const inUse = topics.flatMap((topic) =>
      (dump.get(topic) ?? []).map(({ value }) => value!.readInt32BE(1)),
    );
    for (const id of new Set(inUse)) codecs.set(id, new AvroValues((await registry.schemaText(id)).text));
    const { root, epoch } = await subjectRoot(site.keyringFile);
    const tokens = new Map<string, string>();
    const tokenOf = (person: string): string => {
      const token = tokens.get(person) ?? tokenByHand(root, epoch, person).toString('hex');
      tokens.set(person, token);
      return token;
    };
    return new GrantOracle(run, { dump, codecs, tokenOf });
  }

  truth(): GrantTruth {
    const { site, watch, played } = this.run;
    for (const topic of site.topics) this.takePseudonyms(site.sanitized(topic, 'research'));
    const granted = played.filter(({ id }) => (this.decided.get(id)?.notAfterMs ?? null) !== null);
    for (const { id } of granted) this.checkGrant(id);
    for (const topic of watch.records.keys())
      if (!granted.some(({ id }) => site.names.grantTopic(id) === topic))
        this.fault(topic, 'no grant has this topic');
    const all = (of: ReadonlyMap<string, readonly unknown[]>): number =>
      [...of.values()].reduce((sum, { length }) => sum + length, 0);
    return {
      faults: this.faults,
      appended: all(watch.records),
      committed: all(watch.committed),
      compared: this.compared,
      leases: this.leases,
      delivering: granted.filter(({ id }) => watch.count(site.names.grantTopic(id)) > 0).length,
      complete: this.complete,
      cutByTime: granted.filter(({ id }) => this.wasCutByTime(id)).length,
      states: this.states(),
      cutOffsMs: this.cutOffs(),
    };
  }

  private records(topic: string): readonly DumpedRecord[] {
    return this.dump.get(topic) ?? [];
  }

  /** Of each kind some; which grant, and where in its topic. */
  private fault(where: string, what: string): void {
    const same = this.faults.filter((each) => each.endsWith(what)).length;
    if (same < TOLD_MAX) this.faults.push(`${where}: ${what}`);
  }

  private scalars(value: Buffer): readonly Scalar[] {
    return this.codecs.get(value.readInt32BE(1))!.scalars(value);
  }

  /** The raw records of a topic by their feed sequence, which every audience sees. */
  private rawOf(topic: string): ReadonlyMap<number, RawRecord> {
    const known = this.raw.get(topic);
    if (known) return known;
    const found = new Map(
      this.records(topic).map(({ partition, offset, value }) => {
        const scalars = this.scalars(value!);
        return [
          sequenceOf(scalars),
          { partition, offset, person: String(at(scalars, 'patientId')), scalars },
        ];
      }),
    );
    this.raw.set(topic, found);
    return found;
  }

  private takePseudonyms(topic: string): void {
    for (const { key, value } of this.records(topic)) {
      for (const text of [key?.toString(), ...this.scalars(value!).map((scalar) => scalar.value)])
        if (PSEUDONYM.test(String(text))) this.owners.set(String(text), 'base');
    }
  }

  private checkGrant(id: string): void {
    const { watch, site } = this.run;
    const topic = site.names.grantTopic(id);
    const { scope, notAfterMs } = this.decided.get(id)!;
    const events = this.events.get(id) ?? [];
    const leased = new Cover(leasesOf(events));
    const seen = new Map<number, RawRecord>();
    for (const record of watch.records.get(topic) ?? []) {
      const where = `${id} ${record.partition}/${record.offset}`;
      if (record.appendMs >= notAfterMs!) this.fault(where, 'appended after the end');
      const scalars = this.scalars(record.value!);
      const source = this.rawOf(scope.topic).get(sequenceOf(scalars));
      if (!source) {
        this.fault(where, 'no raw record of the topic granted');
        continue;
      }
      seen.set(sequenceOf(scalars), source);
      this.checkScope(where, scope, source);
      this.checkFields(where, id, scope, { record, scalars, source });
      if (!leased.covers(source, record.appendMs)) this.fault(where, 'not leased before');
    }
    if (leased.overlaps) this.fault(id, 'leased twice');
    this.checkCaps(id, scope, seen, events);
    this.checkCommitted(id, scope, events);
  }

  private checkScope(where: string, scope: Scope, { partition, offset, person }: RawRecord): void {
    const range = scope.partitions.find((each) => each.partition === partition);
    if (!range || offset < range.first_offset || offset >= range.next_offset)
      this.fault(where, 'outside of the range granted');
    const token = this.tokenOf(person);
    if (scope.persons && !scope.persons.some((each) => each.toString('hex') === token))
      this.fault(where, 'about a person not named');
  }

  /** Granted leaves are as they were, all others but those without PHI are not, and are nobody else's pseudonyms. */
  private checkFields(
    where: string,
    id: string,
    scope: Scope,
    { record, scalars, source }: { record: WatchedRecord; scalars: readonly Scalar[]; source: RawRecord },
  ): void {
    const granted = new Set(scope.fields.map(({ path }) => path));
    const have = Map.groupBy(scalars, ({ path }) => path);
    const want = Map.groupBy(source.scalars, ({ path }) => path);
    for (const [path, values] of want) {
      const shown = have.get(path) ?? [];
      const isMasked = MASKED.test(path);
      for (const [i, { value }] of values.entries()) {
        const isSame = shown[i] !== undefined && text(shown[i].value) === text(value);
        this.compared++;
        if (granted.has(path) && !isSame) this.fault(where, `${path} is granted and not as it was`);
        if (!granted.has(path) && isMasked && isSame && !isEmpty(value))
          this.fault(where, `${path} is not granted and as it was`);
        if (!isMasked && !isSame) this.fault(where, `${path} is not as it was, and hides nothing`);
      }
    }
    for (const path of have.keys())
      if (!want.has(path) && !isEmptyAll(have.get(path)!)) this.fault(where, `${path} is new`);
    const masked = scalars.filter(({ path }) => !granted.has(path)).map(({ value }) => String(value));
    const key = record.key?.toString() ?? '';
    if (key === source.person) this.fault(where, 'the record key names the person');
    for (const pseudonym of [key, ...masked].filter((each) => PSEUDONYM.test(each))) {
      const owner = this.owners.get(pseudonym) ?? id;
      this.owners.set(pseudonym, owner);
      if (owner !== id)
        this.fault(where, `has a pseudonym of ${owner === 'base' ? 'the base audience' : 'another grant'}`);
    }
  }

  private checkCaps(
    id: string,
    scope: Scope,
    seen: ReadonlyMap<number, RawRecord>,
    events: readonly AuditedEvent[],
  ): void {
    const persons = new Set([...seen.values()].map(({ person }) => person)).size;
    const personsMax = scope.max_persons ?? Number.POSITIVE_INFINITY;
    if (seen.size > scope.max_records) this.fault(id, 'more records than the cap');
    if (persons > personsMax) this.fault(id, 'more persons than the cap');
    const leases = leasesOf(events);
    this.leases += leases.length;
    const leased = leases.reduce((sum, { event }) => sum + event.range!.delivered_count, 0);
    const newPersons = leases.reduce((sum, { event }) => sum + event.subjects!.distinct, 0);
    if (leased > scope.max_records) this.fault(id, 'more records leased than the cap');
    if (newPersons > personsMax) this.fault(id, 'more persons leased than the cap');
    if (seen.size > leased) this.fault(id, 'more records than leased');
  }

  /** What was committed came once, in order, covered by a batch event; all of it where the delivery is complete. */
  private checkCommitted(id: string, scope: Scope, events: readonly AuditedEvent[]): void {
    const { watch, site } = this.run;
    const raw = this.rawOf(scope.topic);
    const batches = new Cover(events.filter(({ event }) => event.type === 'session.batch'));
    const last = new Map<number, number>();
    let count = 0;
    for (const { partition, offset, value } of watch.committed.get(site.names.grantTopic(id)) ?? []) {
      const source = raw.get(sequenceOf(this.scalars(value!)));
      if (!source) continue;
      const where = `${id} ${partition}/${offset}`;
      if (source.offset <= (last.get(source.partition) ?? -1))
        this.fault(where, 'committed twice or out of order');
      last.set(source.partition, source.offset);
      if (!batches.covers(source, Number.POSITIVE_INFINITY)) this.fault(where, 'committed without an event');
      count++;
    }
    const stopped = events.find(({ event }) => event.type === 'grant.stopped')?.event.outcome_reason;
    if (stopped !== 'COMPLETE') return;
    this.complete++;
    const expected = [...raw.values()].filter(({ partition, offset, person }) => {
      const range = scope.partitions.find((each) => each.partition === partition);
      const isInRange = range && offset >= range.first_offset && offset < range.next_offset;
      const token = this.tokenOf(person);
      return isInRange && (!scope.persons || scope.persons.some((each) => each.toString('hex') === token));
    });
    if (count !== expected.length)
      this.fault(id, `complete with ${count} records in place of ${expected.length}`);
  }

  private wasCutByTime(id: string): boolean {
    const records = this.run.watch.records.get(this.run.site.names.grantTopic(id)) ?? [];
    const lastMs = Math.max(0, ...records.map(({ appendMs }) => appendMs));
    return lastMs >= this.decided.get(id)!.notAfterMs! - LAST_MS;
  }

  private states(): ReadonlyMap<string, string> {
    const states = new Map<string, GrantState>();
    for (const { value } of this.records(this.run.site.names.grants)) {
      if (!value) continue;
      const state = grantStateCodec.decode(value);
      const known = states.get(state.grant_id);
      if (known && known.access_offset > state.access_offset)
        this.fault(state.grant_id, 'an old state came after');
      states.set(state.grant_id, state);
      const decided = this.decided.get(state.grant_id);
      if (state.not_after > 0 && state.not_after !== decided?.notAfterMs)
        this.fault(state.grant_id, 'another end than the log says');
    }
    return new Map([...states].map(([id, { state }]) => [id, state]));
  }

  /** The later of the last record seen and the last batch on record: the watcher may have missed the very last ones. */
  private cutOffs(): readonly number[] {
    return this.run.played.flatMap(({ id, revokedMs, wasFlowing }) => {
      const records = this.run.watch.records.get(this.run.site.names.grantTopic(id)) ?? [];
      if (revokedMs === null || !wasFlowing) return [];
      const batches = (this.events.get(id) ?? []).filter(
        ({ event }) => event.type === 'session.batch' && event.range!.delivered_count > 0,
      );
      const appends = [
        ...records.map(({ appendMs }) => appendMs),
        ...batches.map(({ record }) => record.timestampMs),
      ];
      return [Math.max(0, Math.max(...appends) - revokedMs)];
    });
  }
}

/** The decisions folded: what was asked for, cut down by those who approved; its end counts from its beginning. */
function decisions(log: readonly DumpedRecord[]): ReadonlyMap<string, Decided> {
  const decided = new Map<string, Decided>();
  let nowMs = 0;
  for (const { value, timestampMs } of log) {
    nowMs = Math.max(nowMs, timestampMs);
    const entry = accessEntryCodec.decode(value!);
    const id = entry.request_id ?? entry.grant_id;
    const known = id === null ? undefined : decided.get(id);
    if (id !== null) fold(decided, id, known, entry, nowMs);
  }
  return decided;
}

function fold(
  decided: Map<string, Decided>,
  id: string,
  known: Decided | undefined,
  { kind, request, decision }: AccessEntry,
  nowMs: number,
): void {
  if (kind === 'REQUESTED' && !known && request?.scope)
    decided.set(id, { scope: request.scope, notAfterMs: null });
  if (!known) return;
  if (kind === 'DECIDED' && decision?.approve && decision.narrowed)
    decided.set(id, { ...known, scope: decision.narrowed });
  if (kind === 'PROVISIONED' && known.notAfterMs === null)
    decided.set(id, { ...known, notAfterMs: nowMs + known.scope.duration_ms });
}

function leasesOf(events: readonly AuditedEvent[]): readonly AuditedEvent[] {
  return events.filter(({ event }) => event.phase === 'LEASE');
}

/** Ranges of raw offsets that events are about, to be asked quickly. */
class Cover {
  /** By partition, in order of their first offsets. */
  private readonly ranges: ReadonlyMap<number, readonly AuditedEvent[]>;

  constructor(events: readonly AuditedEvent[]) {
    const delivering = events.filter(({ event }) => event.range!.delivered_count > 0);
    const byPartition = Map.groupBy(delivering, ({ event }) => event.range!.partition);
    for (const mine of byPartition.values())
      mine.sort((a, b) => a.event.range!.first_offset - b.event.range!.first_offset);
    this.ranges = byPartition;
  }

  /** Is some range about the record, in an event that had been appended by then? */
  covers({ partition, offset }: RawRecord, byMs: number): boolean {
    const mine = this.ranges.get(partition) ?? [];
    let [low, high] = [0, mine.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (mine[middle]!.event.range!.first_offset <= offset) low = middle + 1;
      else high = middle;
    }
    const found = mine[low - 1];
    return found !== undefined && offset < found.event.range!.next_offset && found.record.timestampMs <= byMs;
  }

  /** Does a range begin before the one in front of it ends? */
  get overlaps(): boolean {
    return [...this.ranges.values()].some((mine) =>
      mine.some(({ event }, i) => i > 0 && event.range!.first_offset < mine[i - 1]!.event.range!.next_offset),
    );
  }
}

function at(scalars: readonly Scalar[], path: string): unknown {
  return scalars.find((scalar) => scalar.path === path)?.value;
}

function sequenceOf(scalars: readonly Scalar[]): number {
  return at(scalars, 'feedSequence') as number;
}

function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('hex') : String(value);
}

function isEmpty(value: unknown): boolean {
  return (
    value === '' ||
    value === 0 ||
    value === false ||
    (Buffer.isBuffer(value) && value.every((byte) => byte === 0))
  );
}

function isEmptyAll(scalars: readonly Scalar[]): boolean {
  return scalars.every(({ value }) => isEmpty(value));
}
