/**
 * The demo's story of raw access: a clinician asks for two fields of some encounters, the data owner narrows, the
 * privacy officer approves, the grant's topic fills, the clinician reads it with an ordinary consumer, a colleague is
 * refused; then it ends, and nobody reads it any more. People log in at the identity provider; all they do goes by the API.
 */
import type { GrantAnswer, RequestAnswer } from '../approvals/http/answer-schemas.ts';
import { grantWords, requestWords } from '../approvals/request-words.ts';
import { BrokerConnections, Cluster } from '../kafka/cluster.ts';
import { fetchRecords } from '../kafka/fetch.ts';
import { ordinaryConsumer } from '../kafka/kafkajs-client.ts';
import { parseAddress } from '../kafka/login.ts';
import { monotonicMs, sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import type { Stack } from '../stack/local-stack.ts';
import type { Supervised } from '../stack/supervised.ts';
import { AccessClient, apiUrl } from './access-client.ts';
import { startRun } from './demo-run.ts';
import type { DemoSite, LoggedIn } from './demo-site.ts';
import type { DemoStage } from './demo-stage.ts';
import { checkMark } from './demo-totals.ts';
import { Site } from './site.ts';

/** What came of the story; every count is told by the broker or by the grantee's own consumer. */
export interface AccessFindings {
  readonly grant: string;
  readonly asked: number;
  readonly granted: number;
  /** Records that the grantee read. */
  readonly read: number;
  /** Milliseconds from the last decision to the first record read. */
  readonly readAfterMs: number;
  readonly colleagueRefused: boolean;
  readonly endedAs: string;
  readonly topicGone: boolean;
  readonly ok: boolean;
}

const TOPIC = 'clinical.encounters';
const FIELDS = ['patientId', 'accountNumber'];
const ASKED = 60;
const GRANTED = 40;
const WAIT_MS = 60_000;
/** The grant lives for a minute; then its topic has to go. */
const END_WAIT_MS = 120_000;
const POLL_MS = 500;
const TOPIC_AUTHORIZATION_FAILED = 29;

export interface DemoAccessInput {
  readonly stage: DemoStage;
  readonly stack: Stack;
  readonly demo: DemoSite;
  readonly supervised: Supervised;
  readonly directory: string;
}

/** Starts the two roles that approvals need beside the one that masks. */
export async function startAccessRoles({ supervised, directory, demo }: DemoAccessInput): Promise<void> {
  await startRun(supervised, directory, demo.config, 'approvals');
  await startRun(supervised, directory, demo.config, 'provisioner');
}

/** Plays the story to its end. */
export async function playAccess(input: DemoAccessInput): Promise<AccessFindings> {
  const { stage, stack, demo } = input;
  const site = await Site.load(demo.config);
  const person = async (name: string): Promise<AccessClient> =>
    new AccessClient(apiUrl(site), await stack.tokenFor(name));
  await untilUp(apiUrl(site), stage.signal);
  const [alice, carol, dan] = [await person('alice'), await person('carol'), await person('dan')];
  const id = await ask(stage, alice);
  await decide(stage, carol, dan, id);
  const decidedMs = monotonicMs();
  const active = await untilGrant(alice, id, ['ACTIVE'], stage.signal, WAIT_MS);
  stage.sayAll(lines(grantWords(active)));
  const reader = demo.as('alice');
  const records = await readGrant(active.grantTopic, reader, stage.signal);
  const readAfterMs = Math.round(monotonicMs() - decidedMs);
  stage.say(
    `${checkMark(records === GRANTED)} alice reads ${records} records with an ordinary consumer, the first ones ${(readAfterMs / 1000).toFixed(1)} s after the decision`,
  );
  const attempts = new GrantAttempts(demo, active.grantTopic);
  try {
    const topicId = await attempts.topicId();
    const colleague = await attempts.fetchError(demo.as('bob'), topicId);
    stage.say(
      `${checkMark(colleague === TOPIC_AUTHORIZATION_FAILED)} bob, a colleague, is refused by the broker`,
    );
    stage.say('waiting for the end of the grant, a minute after it began ...');
    const ended = await untilGrant(alice, id, ['ENDED', 'EXHAUSTED', 'REVOKED'], stage.signal, END_WAIT_MS);
    const after = await attempts.fetchError(reader, topicId);
    const topicGone = (await attempts.topicId()) === null;
    stage.say(
      `${checkMark(after !== 0)} it ended by itself (${ended.state}); alice can read nothing any more`,
    );
    stage.say(`${checkMark(topicGone)} and its topic is gone`);
    const colleagueRefused = colleague === TOPIC_AUTHORIZATION_FAILED;
    return {
      grant: id,
      asked: ASKED,
      granted: GRANTED,
      read: records,
      readAfterMs,
      colleagueRefused,
      endedAs: ended.state,
      topicGone,
      ok: records === GRANTED && colleagueRefused && after !== 0 && topicGone,
    };
  } finally {
    await attempts.close();
  }
}

async function ask(stage: DemoStage, alice: AccessClient): Promise<string> {
  const request = await alice.post<RequestAnswer>('/v1/requests', {
    topic: TOPIC,
    fields: FIELDS,
    baseAudience: 'research',
    beneficiary: 'User:alice',
    purpose: 'TREAT',
    reason: 'calling back patients after a recall of a device',
    durationMinutes: 30,
    maxRecords: ASKED,
  });
  stage.say(`alice, a clinician, asks (request ${request.id}):`);
  stage.sayAll(lines(requestWords(request)));
  return request.id;
}

/** The owner cuts it down to what the purpose needs; the officer signs what is left. */
async function decide(stage: DemoStage, carol: AccessClient, dan: AccessClient, id: string): Promise<void> {
  const seen = await carol.get<RequestAnswer>(`/v1/requests/${id}`);
  await carol.post(`/v1/requests/${id}/decisions`, {
    decision: 'approve',
    scopeHash: seen.scopeHash,
    narrow: { maxRecords: GRANTED, durationMinutes: 1 },
    reason: 'forty encounters and a minute will do',
  });
  stage.say(`carol, the data owner, narrows it to ${GRANTED} records and one minute, and approves`);
  const narrowed = await dan.get<RequestAnswer>(`/v1/requests/${id}`);
  await dan.post(`/v1/requests/${id}/decisions`, {
    decision: 'approve',
    scopeHash: narrowed.scopeHash,
    reason: 'purpose and amount fit each other',
  });
  stage.say('dan, the privacy officer, approves what is left');
}

async function untilUp(url: string, signal: AbortSignal): Promise<void> {
  const deadlineMs = monotonicMs() + WAIT_MS;
  for (;;) {
    const answer = await fetch(`${url}/healthz`, { signal }).catch(() => null);
    if (answer?.ok) return;
    if (monotonicMs() > deadlineMs) {
      const { hostname, port } = new URL(url);
      throw new GauzeError('ERR_HTTP_API_UNREACHABLE', { host: hostname, port: Number(port) });
    }
    await sleep(POLL_MS, signal);
  }
}

/** The grant once it is in one of `states`; as it is when it has not got there in time. */
async function untilGrant(
  client: AccessClient,
  id: string,
  states: readonly string[],
  signal: AbortSignal,
  waitMs: number,
): Promise<GrantAnswer> {
  const deadlineMs = monotonicMs() + waitMs;
  for (;;) {
    const grant = await client.get<GrantAnswer>(`/v1/grants/${id}`);
    if (states.includes(grant.state) || monotonicMs() > deadlineMs) return grant;
    await sleep(POLL_MS, signal);
  }
}

/** How many records come, until none does any more. */
async function readGrant(topic: string, options: LoggedIn, signal: AbortSignal): Promise<number> {
  const consumer = ordinaryConsumer(options, `${options.login.username}-demo`);
  let count = 0;
  let lastMs = monotonicMs();
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      eachMessage: async () => {
        count += 1;
        lastMs = monotonicMs();
        return await Promise.resolve();
      },
    });
    while (monotonicMs() - lastMs < (count >= GRANTED ? 1_000 : 20_000)) await sleep(POLL_MS, signal);
    return count;
  } finally {
    await consumer.disconnect();
  }
}

/** Attempts on the topic of a grant, by its id; only the broker's answer counts. */
class GrantAttempts {
  readonly #demo: DemoSite;
  readonly #topic: string;
  readonly #open: Cluster[] = [];

  constructor(demo: DemoSite, topic: string) {
    this.#demo = demo;
    this.#topic = topic;
  }

  async topicId(): Promise<string | null> {
    const cluster = await this.#cluster(this.#demo.as('admin'));
    return (await cluster.refresh([this.#topic])).get(this.#topic)?.id ?? null;
  }

  /** The broker's error number; 0 where it let the log-in read. */
  async fetchError(as: LoggedIn, topicId: string | null): Promise<number> {
    const known = await this.#cluster(this.#demo.as('admin'));
    const cluster = await this.#cluster(as);
    const leader = (await known.topic(TOPIC))?.leaders[0] ?? 0;
    const connections = new BrokerConnections(cluster);
    try {
      const wanted = { topicId: topicId ?? '', partition: 0, offset: 0, maxBytes: 1, maxWaitMs: 0 };
      return (await fetchRecords(await connections.to(leader), { ...wanted, readCommitted: false })).error;
    } finally {
      connections.close();
    }
  }

  async close(): Promise<void> {
    for (const cluster of this.#open) await cluster.close();
  }

  async #cluster({ brokers, login }: LoggedIn): Promise<Cluster> {
    const addresses = brokers.flatMap((text) => parseAddress(text) ?? []);
    const cluster = new Cluster({ brokers: addresses, ssl: false, login, role: login.username });
    await cluster.start();
    this.#open.push(cluster);
    return cluster;
  }
}

function lines(words: ReturnType<typeof requestWords>): string[] {
  return words.map(([head, text]) => `  ${head.padEnd(9)} ${text}`);
}
