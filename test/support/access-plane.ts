/**
 * The topics of approvals under random names on the real stack, and clients of the access log on them.
 */
import { createHash } from 'node:crypto';
import { AccessLog } from '../../approvals/access-log.ts';
import type { NewEntry } from '../../approvals/access-log.ts';
import type { Verdict } from '../../approvals/access-state.ts';
import { createGrantsWriter } from '../../approvals/grants-writer.ts';
import { scopeHash } from '../../approvals/scope-hash.ts';
import type { GauzeError } from '../../platform/errors.ts';
import { accessEntryCodec, grantStateCodec } from '../../schemas/access-codecs.ts';
import type { AccessActor, GrantState, RequestBody, Scope } from '../../schemas/access-codecs.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { topicNames } from '../../schemas/topic-names.ts';
import type { TopicNames } from '../../schemas/topic-names.ts';
import { Cluster } from '../../kafka/cluster.ts';
import type { SoleWorker } from '../../kafka/sole-worker.ts';
import { endpointOf, TestPlane } from './kafka-plane.ts';
import type { TestTopic } from './kafka-plane.ts';
import { testWriterKey } from './signed-chains.ts';
import { uniqueName } from './stack.ts';

const SCHEMA_IDS = { access: 1, grants: 2, auditEvent: 3 };
const APPEND_TIME = { 'message.timestamp.type': 'LogAppendTime' };

/** A human with these roles. */
export function human(id: string, ...roles: string[]): AccessActor {
  return { kind: 'HUMAN', id, roles: roles.sort(), on_behalf_of: null, token_id: null };
}

/** gauze's own processes. */
export const SYSTEM: AccessActor = {
  kind: 'SYSTEM',
  id: 'User:gauze-approvals',
  roles: [],
  on_behalf_of: null,
  token_id: null,
};

/** A scope that differs only in what is given. */
export function scopeOf(given: Partial<Scope> = {}): Scope {
  return {
    cluster_id: 'c',
    topic: 'clinical.encounters',
    topic_id: 'ab'.repeat(16),
    base_audience: 'research',
    policy_version: 1,
    policy_sha256: createHash('sha256').update('policy').digest(),
    schemas: [{ schema_id: 1, fingerprint: createHash('sha256').update('schema').digest() }],
    fields: [{ path: 'mrn', tags: ['PHI_MRN'] }],
    partitions: [{ partition: 0, first_offset: 0, next_offset: 100 }],
    persons: null,
    token_epoch: 1,
    beneficiary: 'User:alice',
    purpose: 'TREAT',
    max_records: 100,
    max_persons: null,
    duration_ms: 3_600_000,
    window: null,
    ...given,
  };
}

/** The body of a request with two stages of one approver each. */
export function requestOf(scope: Scope, given: Partial<RequestBody> = {}): RequestBody {
  return {
    subject: 'ACCESS',
    beneficiary_owner: 'alice',
    rule: 'encounters-raw',
    rules_sha256: createHash('sha256').update('rules').digest(),
    scope,
    policy: null,
    scope_sha256: scopeHash(scope),
    stages: [
      { role: 'data-owners', count: 1 },
      { role: 'privacy-officers', count: 1 },
    ],
    ticket: null,
    pending_ms: 86_400_000,
    activation_ms: 3_600_000,
    rule_duration_ms: 8 * 3_600_000,
    extends_grant: null,
    emergency: null,
    ...given,
  };
}

export class AccessPlane {
  readonly plane = new TestPlane();
  readonly names: TopicNames = topicNames(uniqueName('acc'));
  readonly troubles: GauzeError[] = [];
  private readonly open: { close(): Promise<void> }[] = [];
  private topics = new Map<string, TestTopic>();

  async start(): Promise<void> {
    await this.plane.start();
    const { access, grants, auditEvents } = this.names;
    const compacted = { 'cleanup.policy': 'compact' };
    this.topics = new Map([
      [access, await this.plane.topic(APPEND_TIME, 1, access)],
      [grants, await this.plane.topic({ ...APPEND_TIME, ...compacted }, 4, grants)],
      [auditEvents, await this.plane.topic(APPEND_TIME, 4, auditEvents)],
    ]);
  }

  async close(): Promise<void> {
    await Promise.all(this.open.map(async (each) => await each.close()));
    await this.plane.close();
  }

  /** A client of the log as one more process would have it. */
  async log(instance = uniqueName('i')): Promise<AccessLog> {
    const cluster = await this.cluster();
    const log = new AccessLog({ ...this.common(cluster), instance });
    this.open.unshift({ close: async () => await log.close() });
    await log.start();
    return log;
  }

  /** A writer of grants as one more process would have it, started. */
  async writer(): Promise<SoleWorker> {
    const cluster = await this.cluster();
    const writer = createGrantsWriter(this.common(cluster));
    this.open.unshift({ close: async () => await writer.stop() });
    writer.start();
    return writer;
  }

  async cluster(): Promise<Cluster> {
    const cluster = new Cluster(endpointOf());
    await cluster.start();
    this.open.unshift({ close: async () => await cluster.close() });
    return cluster;
  }

  common(cluster: Cluster) {
    return {
      cluster,
      names: this.names,
      schemaIds: SCHEMA_IDS,
      auditKey: testWriterKey('approvals'),
      onTrouble: (error: GauzeError) => void this.troubles.push(error),
    };
  }

  /** Every state of every grant ever written, in the order of its partition. */
  async grants(): Promise<readonly GrantState[]> {
    return (await this.values(this.names.grants, 4)).map((value) => grantStateCodec.decode(value));
  }

  async events(): Promise<readonly PhiAuditEvent[]> {
    return (await this.values(this.names.auditEvents, 4)).map((value) => auditEventCodec.decode(value));
  }

  async entries() {
    return (await this.values(this.names.access, 1)).map((value) => accessEntryCodec.decode(value));
  }

  private async values(name: string, partitions: number): Promise<readonly Buffer[]> {
    const values: Buffer[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const { records } = await this.plane.readAll(this.topics.get(name)!, partition);
      values.push(...records.map(({ value }) => Buffer.from(value ?? '', 'hex')));
    }
    return values;
  }
}

/** Appends with an event of a matching type. */
export async function append(log: AccessLog, entry: NewEntry): Promise<Verdict> {
  const ext = { about: entry.request_id ?? entry.grant_id ?? '' };
  return await log.append(entry, { type: `test.${entry.kind.toLowerCase()}`, actor: entry.by, ext });
}
