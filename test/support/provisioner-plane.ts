/**
 * A site with its access log and the writer of grants, under approvals' own log-in, and provisioners under theirs: all
 * of the real stack. Grants are asked for, decided and ended as people and processes would.
 */
import { randomBytes } from 'node:crypto';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { AccessLog } from '../../approvals/access-log.ts';
import type { NewEntry } from '../../approvals/access-log.ts';
import { GrantTopics } from '../../approvals/grant-topics.ts';
import { GrantsFollower } from '../../approvals/grants-follower.ts';
import { createGrantsWriter } from '../../approvals/grants-writer.ts';
import { Provisioner } from '../../approvals/provisioner.ts';
import type { ProvisionerOptions } from '../../approvals/provisioner.ts';
import type { ProvisionerReport } from '../../approvals/provisioner-report.ts';
import { KafkaAdmin } from '../../kafka/admin.ts';
import type { Cluster } from '../../kafka/cluster.ts';
import type { Login } from '../../kafka/login.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import type { GauzeError } from '../../platform/errors.ts';
import { grantTopicRights } from '../../policy/desired-state.ts';
import type { RolePrincipals } from '../../policy/desired-state.ts';
import { accessEntryCodec, grantStateCodec } from '../../schemas/access-codecs.ts';
import type { GrantState, GrantStateName, Scope } from '../../schemas/access-codecs.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { valueSubject } from '../../schemas/topic-names.ts';
import { append, human, requestOf, scopeOf, SYSTEM } from './access-plane.ts';
import { addUser, connectionOf, loginOf, testStack, uniqueName } from './stack.ts';
import { TestSite } from './test-site.ts';
import { clusterAs } from './who-may.ts';

export const PRINCIPALS: RolePrincipals = {
  admin: 'User:gauze-admin',
  topology: 'User:gauze-topology',
  approvals: 'User:gauze-approvals',
  provisioner: 'User:gauze-provisioner',
  sealer: 'User:gauze-sealer',
  auditor: 'User:gauze-auditor',
};

const PROVISIONER = {
  kind: 'SYSTEM' as const,
  id: PRINCIPALS.provisioner,
  roles: ['provisioner'],
  on_behalf_of: null,
  token_id: null,
};
const ALICE = human('alice', 'clinicians');
const CAROL = human('carol', 'data-owners');
const DAN = human('dan', 'privacy-officers');

/** A provisioner of this process, and all that it has said. */
export interface RunningProvisioner {
  readonly reports: readonly ProvisionerReport[];
  readonly drift: readonly string[];
  readonly troubles: readonly string[];
  /** Ends it between two steps. */
  end(): Promise<void>;
}

export interface ProvisionerChanges {
  readonly sweepMs?: number;
  /** In place of the report to the access log. */
  readonly report?: (report: ProvisionerReport, send: ProvisionerOptions['report']) => Promise<void>;
}

export class ProvisionerPlane {
  readonly site: TestSite;
  /** Codes of what writers, followers and provisioners were in trouble with. */
  private readonly troubles: Set<string>;
  private readonly log: AccessLog;
  private readonly follower: GrantsFollower;
  private readonly closers: (() => Promise<void>)[];

  private constructor(
    site: TestSite,
    troubles: Set<string>,
    log: AccessLog,
    follower: GrantsFollower,
    closers: (() => Promise<void>)[],
  ) {
    this.site = site;
    this.troubles = troubles;
    this.log = log;
    this.follower = follower;
    this.closers = closers;
  }

  static async start(): Promise<ProvisionerPlane> {
    const site = await TestSite.make({ topics: ['clinical.patients'], partitions: 2 });
    await site.feed(generateHospital({ patients: 4, seed: 51 }));
    await site.apply();
    const cluster = await clusterAs(loginOf('gauze-approvals'));
    const { names } = site;
    const registry = new RegistryClient({ url: testStack().registryUrl });
    const schemaIds = {
      access: await registry.register(valueSubject(names.access), accessEntryCodec.schemaText),
      grants: await registry.register(valueSubject(names.grants), grantStateCodec.schemaText),
      auditEvent: await registry.register(valueSubject(names.auditEvents), auditEventCodec.schemaText),
    };
    const troubles = new Set<string>();
    const onTrouble = ({ code }: GauzeError): void => void troubles.add(code);
    const auditKey = (await loadKeyring(site.keyringFile)).auditWriter('approvals');
    const common = { cluster, names, schemaIds, auditKey, onTrouble };
    const log = new AccessLog({ ...common, instance: uniqueName('i') });
    const writer = createGrantsWriter(common);
    const follower = new GrantsFollower({ cluster, topic: names.grants, onTrouble });
    await log.start();
    writer.start();
    await follower.start();
    return new ProvisionerPlane(site, troubles, log, follower, [
      async () => await follower.close(),
      async () => await log.close(),
      async () => await writer.stop(),
      async () => await cluster.close(),
      async () => await site.close(),
    ]);
  }

  async close(): Promise<void> {
    for (const close of this.closers) await close();
  }

  /** A user of Kafka without any right. */
  async user(name: string): Promise<Login> {
    return await addUser(uniqueName(name));
  }

  topicOf(grantId: string): string {
    return this.site.names.grantTopic(grantId);
  }

  /** A request that two people have approved and whose activation is ordered; the id of its grant. */
  async activating(grantee: Login, given: Partial<Scope> = {}): Promise<string> {
    const id = randomBytes(8).toString('hex');
    const scope = scopeOf({
      topic: this.site.raw('clinical.patients'),
      beneficiary: `User:${grantee.username}`,
      ...given,
    });
    const request = requestOf(scope);
    const reason = 'follow-up of readmissions';
    await this.say({ kind: 'REQUESTED', by: ALICE, request_id: id, reason, request });
    const decision = {
      approve: true,
      scope_sha256: request.scope_sha256,
      narrowed: null,
      narrowed_sha256: null,
    };
    for (const by of [CAROL, DAN])
      await this.say({ kind: 'DECIDED', by, request_id: id, reason: 'seen', decision });
    await this.say({ kind: 'ACTIVATION_ORDERED', by: SYSTEM, grant_id: id });
    return id;
  }

  async revoke(grantId: string): Promise<void> {
    await this.say({ kind: 'REVOKED', by: DAN, grant_id: grantId, reason: 'no longer needed' });
  }

  async suspend(grantId: string): Promise<void> {
    await this.say({ kind: 'SUSPENDED', by: SYSTEM, grant_id: grantId, cause: 'TAGS_CHANGED' });
  }

  async resume(grantId: string): Promise<void> {
    await this.say({ kind: 'RESUMED', by: DAN, grant_id: grantId, reason: 'looked at' });
  }

  async endOrdered(grantId: string): Promise<void> {
    await this.say({ kind: 'END_ORDERED', by: SYSTEM, grant_id: grantId });
  }

  private async say(entry: NewEntry): Promise<void> {
    const { outcome, code } = await append(this.log, entry);
    if (outcome !== 'ACCEPTED') throw new Error(`${entry.kind} was ${outcome}: ${code}`);
  }

  state(grantId: string): GrantState | undefined {
    return this.follower.states.get(grantId);
  }

  /** Waits until gauze.grants says so. */
  async until(grantId: string, state: GrantStateName): Promise<GrantState> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const grant = this.state(grantId);
      if (grant?.state === state) return grant;
      if (Date.now() > deadline)
        throw new Error(`not ${state} but ${grant?.state}; in trouble: ${[...this.troubles].join(' ')}`);
      await this.follower.changed(new AbortController().signal, this.follower.revision, 100);
    }
  }

  /** A provisioner as `gauze run` makes it, in this process so that it can be stopped between two steps. */
  async provisioner(changes: ProvisionerChanges = {}): Promise<RunningProvisioner> {
    const login = loginOf('gauze-provisioner');
    const cluster = await clusterAs(login);
    const admin = new KafkaAdmin(connectionOf(login.username));
    await admin.connect();
    const { names } = this.site;
    const grants = new GrantsFollower({ cluster, topic: names.grants, onTrouble: () => undefined });
    await grants.start();
    const topics = grantTopics(this.site, admin, cluster);
    const reports: ProvisionerReport[] = [];
    const drift: string[] = [];
    const troubles: string[] = [];
    const send = async (report: ProvisionerReport): Promise<void> => {
      const { kind, grantId, cause, topic } = report;
      reports.push(report);
      const verdict = await append(this.log, { kind, by: PROVISIONER, grant_id: grantId, cause, topic });
      if (verdict.outcome !== 'ACCEPTED') this.troubles.add(`${kind} ${verdict.code}`);
    };
    const provisioner = new Provisioner({
      names,
      grants,
      topics,
      report: async (report) => await (changes.report ? changes.report(report, send) : send(report)),
      events: {
        provisioned: () => undefined,
        removed: () => undefined,
        failed: () => undefined,
        drift: (grant, cause, isMended) => drift.push(`${grant} ${cause} ${isMended ? 'mended' : 'told'}`),
        trouble: ({ code }) => {
          troubles.push(code);
          this.troubles.add(code);
        },
      },
      sweepMs: changes.sweepMs ?? 60_000,
      retryMs: 20,
    });
    const ending = new AbortController();
    const work = provisioner.run(ending.signal);
    let ended: Promise<void> | null = null;
    const end = async (): Promise<void> => {
      ending.abort();
      await work;
      topics.end();
      await grants.close();
      await cluster.close();
      await admin.close();
    };
    const once = async (): Promise<void> => await (ended ??= end());
    this.closers.unshift(once);
    return { reports, drift, troubles, end: once };
  }
}

function grantTopics({ names }: TestSite, admin: KafkaAdmin, cluster: Cluster): GrantTopics {
  return new GrantTopics({
    admin,
    cluster,
    names,
    standing: grantTopicRights(names, PRINCIPALS),
    own: Object.values(PRINCIPALS),
    retentionMs: 3_600_000,
  });
}
