/**
 * The oracle: judges a whole topology from outside, by what another client reads (the JVM's, LogDump.java), another way
 * of masking (avsc and the methods on values) and another way of counting. For every fault run:
 *
 *   const { findings, counts } = await checkTopology({ stack: testStack(), prefix, topics, keyringFile });
 *   expect(findings).toEqual([]);
 *
 * `stack`: a StackDescription; `prefix`: of gauze's own topics (`topics.prefix`); `topics`: raw topics, all of them;
 * lanes must have caught up and stand still (no records coming in). It proves, for each lane: the sequence of its
 * sanitized partition; one outcome for each raw record; ranges that tile from the declared start to the committed
 * offset and count what is there; chains without a break; canaries, where given, where the plans allow and nowhere
 * else. Findings (finding.ts) are codes and coordinates and never hold a value.
 * By hand: `node test/oracle/check.ts`.
 */
import { loadKeyring } from '../../keys/keyring.ts';
import type { Keyring } from '../../keys/keyring.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { topicNames } from '../../schemas/topic-names.ts';
import { subjectRoots } from '../support/token-oracle.ts';
import { checkCanaries } from './canary-check.ts';
import type { OracleCanary } from './canary-check.ts';
import { Findings } from './finding.ts';
import type { Finding, FindingCode } from './finding.ts';
import { IndexCheck } from './index-check.ts';
import type { TokenRoots } from './index-check.ts';
import { KafkaLogs } from './kafka-logs.ts';
import type { ReadableStack } from './kafka-logs.ts';
import { AuditAccount, laneName } from './lane-account.ts';
import type { LaneAccount } from './lane-account.ts';
import { checkLane } from './lane-check.ts';
import type { LaneCheckResult } from './lane-check.ts';
import type { LogPartition, LogSource } from './log-source.ts';
import { Reference, placeName } from './reference.ts';
import type { SchemaSource } from './reference.ts';
import type { Stray } from './sequence.ts';
import { WithheldLane, withheldLanes, withheldName } from './withheld-account.ts';

/** What is checked, beside where it is read from. */
export interface TopologyUnderCheck {
  /** Of the topics of gauze itself. */
  readonly prefix: string;
  /** Names of all raw topics. */
  readonly topics: readonly string[];
  /** The config's own words for tags. */
  readonly tags?: Readonly<Record<string, string>>;
  /** The list of merged persons, where policies pin one. */
  readonly aliasFile?: string;
  readonly canaries?: readonly OracleCanary[];
  /** Records of so many bytes may be too large for a sanitized topic; default: what brokers take, nearly. */
  readonly largeBytes?: number;
}

export interface LiveTopology extends TopologyUnderCheck {
  readonly stack: ReadableStack & { readonly registryUrl: string };
  readonly keyringFile: string;
}

export interface TopologyVerdict {
  /** Empty where all is as it should be. At most 50 of each code. */
  readonly findings: readonly Finding[];
  readonly counts: ReadonlyMap<FindingCode, number>;
  readonly lanes: number;
  /** Raw records times audiences. */
  readonly outcomes: number;
  readonly withheld: number;
  /** Published records that were compared. */
  readonly compared: number;
  /** Of these, so many by key and headers alone: their values follow from other topics. */
  readonly unchecked: number;
  readonly events: number;
}

/** What the oracle asks beside the logs. */
export interface OracleParts {
  readonly registry: SchemaSource;
  readonly keyring: Keyring;
  readonly tokenRoots: TokenRoots;
}

/** Reads everything by the Java client, then judges. Needs a JDK: throws an error that says so where there is none. */
export async function checkTopology(topology: LiveTopology): Promise<TopologyVerdict> {
  const { stack, prefix } = topology;
  const { policies, withheld, auditEvents, auditSubjects } = topicNames(prefix);
  const topics = [...topology.topics, policies, withheld, auditEvents, auditSubjects];
  const keyring = await loadKeyring(topology.keyringFile);
  const tokenRoots = await subjectRoots(topology.keyringFile);
  const registry = new RegistryClient({ url: stack.registryUrl });
  const logs = await KafkaLogs.read(stack, { topics, groups: `${prefix}.` });
  try {
    return await judgeTopology(logs, topology, { registry, keyring, tokenRoots });
  } finally {
    await logs.close();
  }
}

/** The same over logs that are at hand. */
export async function judgeTopology(
  logs: LogSource,
  topology: TopologyUnderCheck,
  parts: OracleParts,
): Promise<TopologyVerdict> {
  return await new Judgement(logs, topology, parts).run();
}

function referenceOf(
  logs: LogSource,
  { prefix, tags, aliasFile }: TopologyUnderCheck,
  parts: OracleParts,
): Reference {
  const [policies] = logs.partitions(topicNames(prefix).policies);
  return new Reference({
    ...parts,
    ...(tags ? { tags } : {}),
    ...(aliasFile === undefined ? {} : { aliasFile }),
    policyLog: policies ? logs.committed(policies) : [],
  });
}

/** A little less than the largest batch that brokers take by default. */
const LARGE_BYTES = 900_000;

class Judgement {
  private readonly findings = new Findings();
  private readonly logs: LogSource;
  private readonly topology: TopologyUnderCheck;
  private readonly reference: Reference;
  private readonly account: AuditAccount;
  private readonly withheld: ReadonlyMap<string, WithheldLane>;
  private readonly indexes: IndexCheck;
  private readonly totals = { lanes: 0, outcomes: 0, withheld: 0, compared: 0, unchecked: 0 };

  constructor(logs: LogSource, topology: TopologyUnderCheck, parts: OracleParts) {
    this.logs = logs;
    this.topology = topology;
    this.reference = referenceOf(logs, topology, parts);
    this.account = AuditAccount.read(logs, topicNames(topology.prefix).auditEvents, this.findings);
    const { auditSubjects, withheld } = topicNames(topology.prefix);
    this.withheld = withheldLanes(logs, withheld, this.findings);
    this.indexes = new IndexCheck(logs, auditSubjects, parts.registry, parts.tokenRoots);
  }

  async run(): Promise<TopologyVerdict> {
    const { findings, reference, topology } = this;
    for (const topic of topology.topics) {
      const partitions = this.logs.partitions(topic);
      if (partitions.length === 0) findings.add('TOPIC_MISSING', { topic });
      for (const audience of reference.policies.keys())
        if (reference.policies.get(audience)!.topics.has(topic)) await this.topic(audience, partitions);
      for (const at of partitions) await this.index(at);
    }
    checkCanaries(this.logs, topology.canaries ?? [], this.places(), findings);
    const { list, counts } = findings;
    return { findings: list, counts, ...this.totals, events: this.account.events };
  }

  /** All lanes of one audience on one topic; then what one of them lost is looked for in the others. */
  private async topic(audience: string, partitions: readonly LogPartition[]): Promise<void> {
    const results: LaneCheckResult[] = [];
    for (const raw of partitions) {
      const account = this.lane(audience, raw);
      if (!account) continue;
      const { logs, reference, findings } = this;
      const result = await checkLane({
        account,
        redrive: this.redrive(audience, raw, account),
        raw,
        logs,
        reference,
        withheld: this.withheld.get(withheldName(audience, raw)) ?? new WithheldLane(),
        committed: this.committed(audience, raw) ?? account.position,
        largeBytes: this.topology.largeBytes ?? LARGE_BYTES,
        findings,
      });
      results.push(result);
      this.totals.lanes += 1;
      this.totals.outcomes += result.records;
      this.totals.withheld += result.withheld;
      this.totals.unchecked += result.unchecked;
    }
    this.strays(results);
    this.strangers(audience, partitions, results);
  }

  private async index(raw: LogPartition): Promise<void> {
    const account = this.lane('index', raw);
    if (!account) return;
    const { logs, reference, findings } = this;
    const committed = this.committed('index', raw) ?? account.position;
    await this.indexes.check({ account, raw, logs, reference, findings }, committed);
  }

  /** Where a lane stands, against what it says of itself. */
  private lane(audience: string, raw: LogPartition): LaneAccount | null {
    const { topic, topicId, partition } = raw;
    const place = { audience, topic, partition };
    const { findings } = this;
    const group = topicNames(this.topology.prefix).audienceGroup(audience);
    const account = this.account.lanes.get(laneName(group, topic, topicId, partition)) ?? null;
    const committed = this.committed(audience, raw);
    if (raw.stableOffset < raw.endOffset) findings.add('TRANSACTION_OPEN', place);
    const start = this.reference.starts.get(placeName(place))?.find((each) => each.topicId === topicId);
    if (!account || !start) {
      findings.add('LANE_NOT_STARTED', place);
      return account;
    }
    const { from } = account.segments[0]!;
    if (from > start.offset) findings.add('AUDIT_GAP', { ...place, detail: `${from} after ${start.offset}` });
    if (committed !== account.position)
      findings.add('AUDIT_END', {
        ...place,
        detail: `${account.position}, committed ${committed ?? 'nothing'}`,
      });
    if ((committed ?? 0) < raw.stableOffset)
      findings.add('LANE_BEHIND', { ...place, detail: `${committed ?? 'nothing'} of ${raw.stableOffset}` });
    return account;
  }

  /** What was read again: a domain of its own, that ends where its own group has committed. */
  private redrive(audience: string, raw: LogPartition, { group: of }: LaneAccount): LaneAccount | null {
    const { topic, topicId, partition } = raw;
    const group = `${of}.redrive`;
    const redrive = this.account.lanes.get(laneName(group, topic, topicId, partition)) ?? null;
    const committed = this.logs.groupOffset(group, topic, partition);
    if (committed !== (redrive?.position ?? null))
      this.findings.add('AUDIT_END', {
        audience,
        topic,
        partition,
        part: group,
        detail: `${redrive?.position ?? 'nothing'}, committed ${committed ?? 'nothing'}`,
      });
    return redrive;
  }

  private committed(audience: string, { topic, partition }: LogPartition): number | null {
    const group = topicNames(this.topology.prefix).audienceGroup(audience);
    return this.logs.groupOffset(group, topic, partition);
  }

  private strays(results: readonly LaneCheckResult[]): void {
    const sequences = results.flatMap((result) => [...result.sequences.values()]);
    const lost = sequences.flatMap((sequence) => sequence.lost);
    const missing = Map.groupBy(lost, ({ print }) => print);
    const found = new Set<Stray>();
    for (const stray of sequences.flatMap((sequence) => sequence.strays)) {
      const home =
        stray.print === '' ? undefined : missing.get(stray.print)?.find((each) => !found.has(each));
      if (home) found.add(home);
      const detail = home ? `of partition ${home.place.partition}, ${home.place.detail}` : '';
      this.findings.add(home ? 'RECORD_WRONG_PARTITION' : 'RECORD_UNEXPECTED', {
        ...stray.place,
        ...(home ? { detail } : {}),
      });
    }
    for (const each of lost) if (!found.has(each)) this.findings.add('RECORD_LOST', each.place);
    for (const sequence of sequences) this.totals.compared += sequence.compared;
  }

  /** Partitions of sanitized topics that no lane has written to must be empty. */
  private strangers(
    audience: string,
    partitions: readonly LogPartition[],
    results: readonly LaneCheckResult[],
  ): void {
    const topics = new Set(results.flatMap((result) => [...result.sequences.keys()]));
    const own = new Set(
      results.flatMap((result, i) =>
        [...result.sequences.keys()].map((topic) => `${topic} ${partitions[i]?.partition}`),
      ),
    );
    const first = `${partitions[0]?.topic}.for-${audience}`;
    for (const topic of topics.add(first))
      for (const at of this.logs.partitions(topic)) {
        if (own.has(`${topic} ${at.partition}`)) continue;
        for (const { offset } of this.logs.committed(at))
          this.findings.add('RECORD_UNEXPECTED', { audience, topic, partition: at.partition, offset });
      }
  }

  /** Every topic that gauze writes. */
  private places(): readonly string[] {
    const { auditEvents, auditSubjects, withheld, policies } = topicNames(this.topology.prefix);
    return [...this.reference.outputs, auditEvents, auditSubjects, withheld, policies];
  }
}
