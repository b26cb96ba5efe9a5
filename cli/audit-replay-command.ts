/**
 * `gauze audit replay`: asks by the API that an audit event is replayed, and shows what came of it. It reads the event
 * with the auditor's log-in, to name exactly that one; it reads no record, raw or sanitized.
 */
import { eventHash } from '../audit/audit-chain.ts';
import { isReplayable } from '../audit/replay-events.ts';
import type { ReplayableEvent } from '../audit/replay-events.ts';
import type { GrantAnswer, RequestAnswer } from '../approvals/http/answer-schemas.ts';
import { replayedWords } from '../approvals/request-words.ts';
import { BrokerConnections } from '../kafka/cluster.ts';
import type { Cluster } from '../kafka/cluster.ts';
import { listOffset } from '../kafka/list-offsets.ts';
import { LogReader } from '../kafka/log-reader.ts';
import { sleep } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import { AccessClient, apiUrl } from './access-client.ts';
import { ApiRefusal } from './api-refusal.ts';
import { accessToken } from './login-command.ts';
import { minutesOf } from './option-values.ts';
import { Site } from './site.ts';
import { EXIT, note, print } from './terminal.ts';

export interface ReplayOptions {
  readonly config: string;
  readonly json: boolean;
  readonly reason?: string;
  readonly purpose: string;
  readonly for: string;
  readonly ticket?: string;
  readonly wait: boolean;
  readonly result?: string;
}

interface EventPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** How far a replay has come; `result` is null as long as there is none. */
interface Progress {
  readonly request: string;
  readonly event: string | null;
  readonly state: string;
  readonly isOver: boolean;
  readonly result: GrantAnswer['replayed'];
}

const POLL_MS = 1_000;
const NO_GRANT = 404;
/** States of a grant in which a result can still come. */
const RUNNING: ReadonlySet<string> = new Set(['SCHEDULED', 'ACTIVATING', 'ACTIVE', 'SUSPENDED']);

/** Asks, or looks what was found. */
export async function replayCommand(event: string | undefined, options: ReplayOptions): Promise<number> {
  const { result } = options;
  if ((event === undefined) === (result === undefined))
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: 'event', expected: 'given, or --result' });
  const site = await Site.load(options.config);
  const client = new AccessClient(apiUrl(site), await accessToken(site));
  const id = result ?? (await ask(site, client, placeOf(event ?? ''), options));
  const progress = options.wait ? await finished(client, id) : await progressOf(client, id);
  show(progress, options.json);
  return exitCode(progress);
}

async function ask(
  site: Site,
  client: AccessClient,
  place: EventPlace,
  { reason, purpose, for: time, ticket }: ReplayOptions,
): Promise<string> {
  if (reason === undefined)
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--reason', expected: 'given' });
  const durationMinutes = minutesOf('--for', time);
  const cluster = await site.cluster('auditor');
  try {
    await cluster.start();
    const value = await eventAt(cluster, place);
    const event = auditEventCodec.decode(value);
    if (!isReplayable(event)) throw new GauzeError('ERR_AUDIT_NOT_REPLAYABLE', { ...place });
    const body = { ...questionOf(place, value, event), purpose, reason, durationMinutes };
    const { id } = await client.post<RequestAnswer>('/v1/replays', ticket ? { ...body, ticket } : body);
    note(`Request ${id}. Ask again: gauze audit replay --result ${id}`);
    return id;
  } finally {
    await cluster.close();
  }
}

/** What the API is told of the event; the task compares it with the event itself. */
function questionOf(
  { partition, offset }: EventPlace,
  value: Buffer,
  { range, policy, plan, recipient, grant, view }: ReplayableEvent,
): Readonly<Record<string, unknown>> {
  return {
    event: { partition, offset, sha256: eventHash(value).toString('hex') },
    topic: range.topic,
    topicId: range.topic_id?.toString('hex'),
    partition: range.partition,
    firstOffset: range.first_offset,
    nextOffset: range.next_offset,
    records: range.record_count,
    audience: policy.id,
    policyVersion: policy.version,
    policySha256: policy.sha256.toString('hex'),
    recipient: recipient.id,
    grant: grant?.id ?? null,
    planHash: plan.hash.toString('hex'),
    keyEpoch: plan.masking_key_epoch,
    outputTopic: view.output_topic,
  };
}

/** The event's bytes. Throws ERR_AUDIT_NOT_REPLAYABLE where there is no event at that place. */
async function eventAt(cluster: Cluster, place: EventPlace): Promise<Buffer> {
  const { topic, partition, offset } = place;
  const connections = new BrokerConnections(cluster);
  const reader = new LogReader(cluster, topic, partition, offset);
  try {
    const earliest = await listOffset(cluster, connections, topic, partition, 'earliest');
    const latest = await listOffset(cluster, connections, topic, partition, 'latest');
    const found: Buffer[] = [];
    if (offset >= earliest && offset < latest)
      await reader.read(0, ({ offset: at, value }) => void (at === offset && value && found.push(value)));
    const [value] = found;
    if (!value) throw new GauzeError('ERR_AUDIT_NOT_REPLAYABLE', { ...place });
    return Buffer.from(value);
  } finally {
    reader.close();
    connections.close();
  }
}

/** Waits until there is a result, or none can come any more. */
async function finished(client: AccessClient, id: string): Promise<Progress> {
  let told = '';
  for (;;) {
    const progress = await progressOf(client, id);
    if (progress.isOver) return progress;
    if (progress.state !== told) note(`waiting: ${progress.state}`);
    told = progress.state;
    await sleep(POLL_MS);
  }
}

async function progressOf(client: AccessClient, id: string): Promise<Progress> {
  const { state, scope } = await client.get<RequestAnswer>(`/v1/requests/${encodeURIComponent(id)}`);
  const common = { request: id, event: scope?.replay?.event ?? null };
  if (state !== 'APPROVED') return { ...common, state, isOver: state !== 'PENDING', result: null };
  const grant = await grantOf(client, id);
  if (!grant) return { ...common, state, isOver: false, result: null };
  const isOver = grant.replayed !== null || !RUNNING.has(grant.state);
  return { ...common, state: grant.state, isOver, result: grant.replayed };
}

/** The grant has the id of its request; null where there is none yet. */
async function grantOf(client: AccessClient, id: string): Promise<GrantAnswer | null> {
  try {
    return await client.get<GrantAnswer>(`/v1/grants/${encodeURIComponent(id)}`);
  } catch (error) {
    if (error instanceof ApiRefusal && error.problem.status === NO_GRANT) return null;
    throw error;
  }
}

function show({ request, event, state, result }: Progress, json: boolean): void {
  if (json) print(JSON.stringify({ request, event, state, ...(result ?? { outcome: null }) }));
  else if (result) print(`Event ${event ?? '?'} is ${replayedWords(result)}.`);
  else print(`Request ${request} is ${state}; there is no result.`);
}

function exitCode({ result }: Progress): number {
  if (result?.outcome === 'EQUAL') return EXIT.ok;
  return result?.outcome === 'DIFFERENT' ? EXIT.problems : EXIT.waiting;
}

function placeOf(text: string): EventPlace {
  const [, topic, partition, offset] = /^([\w.-]+)\/(\d{1,9})\/(\d{1,15})$/.exec(text) ?? [];
  if (topic === undefined)
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: 'event',
      expected: '<topic>/<partition>/<offset>',
    });
  return { topic, partition: Number(partition), offset: Number(offset) };
}
