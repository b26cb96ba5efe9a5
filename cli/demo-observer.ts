/**
 * The demo's view from outside: one place for the connections with which it looks at lanes, audiences' topics,
 * rights and the audit topic, each with the log-in that may see it.
 */
import { CLINICAL_TOPICS } from '../examples/hospital/clinical-values.ts';
import type { KafkaAdmin } from '../kafka/admin.ts';
import { Cluster } from '../kafka/cluster.ts';
import { parseAddress } from '../kafka/login.ts';
import { monotonicMs, sleep } from '../platform/clock.ts';
import { INDEX_AUDIENCE } from '../topology/lane-kind.ts';
import { decodeLaneMetadata } from '../topology/lane-metadata.ts';
import { grantStory } from './demo-audit-grant.ts';
import type { GrantStory } from './demo-audit-grant.ts';
import { checkAudit, readAuditEvents } from './demo-audit.ts';
import type { AuditFindings, LanePosition } from './demo-audit.ts';
import type { DemoFeed } from './demo-feed.ts';
import { WithheldCounter, watchLanes } from './demo-live-view.ts';
import { readAsAudience } from './demo-readers.ts';
import type { Reading } from './demo-readers.ts';
import { tryRefusals } from './demo-refusals.ts';
import type { Refusals } from './demo-refusals.ts';
import { AUDIENCES, READERS } from './demo-site.ts';
import type { DemoSite } from './demo-site.ts';
import type { Site } from './site.ts';
import type { LiveArea } from './terminal.ts';

/** Indexing keeps up with masking; a lane that needs longer is told as one whose ranges end too early. */
const INDEX_WAIT_MS = 60_000;
const INDEX_TICK_MS = 200;

export class DemoObserver {
  readonly withheld: WithheldCounter;
  readonly #site: Site;
  readonly #demo: DemoSite;
  /** As the stack's super user: nobody else may read the topic of withheld records. */
  readonly #superCluster: Cluster;
  /** As the topology, which may see positions and the policy log. */
  readonly #cluster: Cluster;
  readonly #admin: KafkaAdmin;

  private constructor(
    site: Site,
    demo: DemoSite,
    superCluster: Cluster,
    cluster: Cluster,
    admin: KafkaAdmin,
  ) {
    this.#site = site;
    this.#demo = demo;
    this.#superCluster = superCluster;
    this.#cluster = cluster;
    this.#admin = admin;
    this.withheld = new WithheldCounter(superCluster, site.names.withheld);
  }

  static async open(site: Site, demo: DemoSite): Promise<DemoObserver> {
    const { brokers, login } = demo.as('admin');
    const addresses = brokers.flatMap((text) => parseAddress(text) ?? []);
    const superCluster = new Cluster({ brokers: addresses, ssl: false, login, role: 'admin' });
    const cluster = await site.cluster('topology');
    const admin = await site.admin('topology');
    await superCluster.start();
    await cluster.start();
    await admin.connect();
    return new DemoObserver(site, demo, superCluster, cluster, admin);
  }

  async close(): Promise<void> {
    this.withheld.close();
    await this.#admin.close();
    await this.#cluster.close();
    await this.#superCluster.close();
  }

  /** Until every record that was fed has been masked for everybody. */
  async watch(feed: DemoFeed, area: LiveArea, isRunning: () => boolean, signal: AbortSignal): Promise<void> {
    const [site, admin] = [this.#site, this.#admin];
    await watchLanes({ site, admin, feed, withheld: this.withheld, area, isRunning }, signal);
  }

  /** What each audience reads with its own log-in, all at once. */
  async readings(
    feed: DemoFeed,
    wanted: ReadonlySet<number>,
    signal: AbortSignal,
  ): Promise<readonly Reading[]> {
    await this.withheld.read();
    const registry = await this.#site.registry();
    return await Promise.all(
      AUDIENCES.map(async (audience) => {
        const withheld = CLINICAL_TOPICS.map(
          (topic) => this.withheld.byLane.get(`${audience} ${topic}`) ?? 0,
        );
        const count = withheld.reduce((sum, each) => sum + each, 0);
        const { total, damaged, lastSequence } = feed;
        const options = this.#demo.as(READERS[audience]);
        const sizes = { expected: total - count, withheldNumbers: count - damaged, lastSequence };
        return await readAsAudience({ audience, options, registry, wanted, ...sizes }, signal);
      }),
    );
  }

  async refusals(): Promise<readonly Refusals[]> {
    return await tryRefusals(this.#superCluster, (username) => this.#demo.as(username), this.#site.names);
  }

  /** Positions first, then the events: with nothing left to mask or to index, both stand still. */
  async audit(grantId: string, signal: AbortSignal): Promise<{ lanes: AuditFindings; grant: GrantStory }> {
    const positions = await this.#lastPositions(signal);
    const auditor = await this.#site.cluster('auditor');
    try {
      await auditor.start();
      const events = await readAuditEvents(auditor, this.#site.names.auditEvents);
      return { lanes: checkAudit(events, positions), grant: grantStory(events, grantId) };
    } finally {
      await auditor.close();
    }
  }

  /** Where all lanes stand once the index lanes have caught up too, or have had their time. */
  async #lastPositions(signal: AbortSignal): Promise<readonly LanePosition[]> {
    const deadlineMs = monotonicMs() + INDEX_WAIT_MS;
    for (;;) {
      const positions = await this.#positions();
      const isLate = monotonicMs() >= deadlineMs;
      if (isLate || positions.every(({ committed, end }) => committed >= end)) return positions;
      await sleep(INDEX_TICK_MS, signal);
    }
  }

  async #positions(): Promise<readonly LanePosition[]> {
    const { names } = this.#site;
    const positions: LanePosition[] = [];
    for (const audience of [...AUDIENCES, INDEX_AUDIENCE]) {
      const committed = await this.#admin.fetchGroupOffsets(names.audienceGroup(audience), CLINICAL_TOPICS);
      for (const topic of CLINICAL_TOPICS) {
        const topicId = (await this.#cluster.topic(topic))?.id ?? '';
        for (const { partition, low, high } of await this.#admin.topicEndOffsets(topic)) {
          const found = committed.find((each) => each.topic === topic && each.partition === partition);
          positions.push({
            audience,
            topic,
            partition,
            writer: names.laneTransactionalId(audience, topic, partition),
            topicId,
            first: Number(low),
            end: Number(high),
            committed: Number(found?.offset ?? -1n),
            chain: decodeLaneMetadata(found?.metadata ?? null)?.chain ?? null,
          });
        }
      }
    }
    return positions;
  }
}
