/**
 * Policies that open anything, on real parts: lanes take them with the decision that they check themselves and with
 * nothing else, whoever writes to the policy log. A ZIP code that no policy in force lets pass is the canary.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AccessLog } from '../../approvals/access-log.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import type { NewEntry } from '../../approvals/access-log.ts';
import type { Verdict } from '../../approvals/access-state.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import type { ClinicalRecord } from '../../examples/hospital/clinical-values.ts';
import { Cluster } from '../../kafka/cluster.ts';
import { ordinaryProducer } from '../../kafka/kafkajs-client.ts';
import { parsePolicy } from '../../policy/policy-file.ts';
import { accessEntryCodec } from '../../schemas/access-codecs.ts';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import { auditEventCodec, policyLogCodec } from '../../schemas/control-codecs.ts';
import type { PolicyApprovalEntry, PolicyLogEntry } from '../../schemas/control-codecs.ts';
import { endpointOf } from '../support/kafka-plane.ts';
import { connectionOf, eventually, withAdmin } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';
import { dumpTopics } from '../support/topic-dump.ts';

const ASKER = human('asker@example.org', 'privacy-officers');
const OFFICER = human('officer@example.org', 'privacy-officers');
const CLERK = human('clerk@example.org', 'data-owners');
const VENDOR = 'User:vendor';
const CONFIG = `
access: access.yaml
roles: { privacy-officers: [grp-privacy], data-owners: [grp-owners], clinicians: [grp-clinicians] }
owners: { "User:gauze-admin": ${ASKER.id} }
`;

let site: TestSite;
let cluster: Cluster;
let log: AccessLog;
let fed = 0;

function human(id: string, ...roles: string[]): AccessActor {
  return { kind: 'HUMAN', id, roles, on_behalf_of: null, token_id: null };
}

beforeAll(async () => {
  site = await TestSite.make({ topics: ['clinical.patients'], partitions: 1, config: CONFIG });
  await writeFile(join(site.directory, 'access.yaml'), accessRules(site));
  await feed('first');
  await site.apply();
  cluster = new Cluster(endpointOf('gauze-approvals'));
  await cluster.start();
  log = new AccessLog({
    cluster,
    names: site.names,
    instance: 'test',
    schemaIds: { access: 1, auditEvent: 2 },
    auditKey: (await loadKeyring(site.keyringFile)).auditWriter('approvals'),
    onTrouble: () => undefined,
  });
  await log.start();
  site.run();
  await site.caughtUp();
}, 120_000);

afterAll(async () => {
  await log?.close();
  await cluster?.close();
  await site.close();
});

function accessRules(of: TestSite): string {
  return `rules:
  - name: patients-raw
    topics: [${of.raw('clinical.patients')}]
    fields: [PHI_MRN]
    requesters: [clinicians]
    stages: [{ approvers: privacy-officers, count: 1 }]
    purposes: [TREAT]
    pendingFor: 24h
    maxDuration: 8h
    maxRecords: 10000
    maxPersons: 500
`;
}

/** Feeds one patient whose ZIP code is `zip`. */
async function feed(zip: string): Promise<void> {
  const records = [...generateHospital({ patients: 1, seed: 70 + ++fed })].filter(
    ({ topic }) => topic === 'clinical.patients',
  );
  await site.feed(
    records.map((record) => {
      const { value } = record as Extract<ClinicalRecord, { topic: 'clinical.patients' }>;
      return { ...record, value: { ...value, address: { ...value.address, zip } } } as ClinicalRecord;
    }),
  );
}

/** Does what is fed now come out in clear for research? */
async function comesOutClear(): Promise<boolean> {
  const zip = `CANARY-${fed}-ZIP`;
  await feed(zip);
  await site.caughtUp();
  const dump = await dumpTopics([site.sanitized('clinical.patients', 'research')]);
  expect(dump.length).toBeGreaterThanOrEqual(fed);
  return dump.some(({ value }) => value!.includes(zip));
}

async function zipMethod(method: string): Promise<void> {
  await site.editPolicy('research', (policy) => {
    policy.methods['PHI_ZIP'] = method;
    policy.examples = [];
  });
}

async function policyFile(audience: string): Promise<string> {
  return await readFile(join(site.directory, 'policies', `${audience}.yaml`), 'utf8');
}

interface Told {
  readonly audience: string;
  readonly opens: readonly string[];
  readonly request: string | null;
  readonly state: string | null;
}

async function told(
  verb: 'plan' | 'apply',
): Promise<{ readonly code: number | null; readonly policies: readonly Told[] }> {
  const { code, stdout, stderr } = await site.gauze(verb, '--json');
  if (!stdout.startsWith('{')) throw new Error(stderr);
  return { code, policies: (JSON.parse(stdout) as { policies: readonly Told[] }).policies };
}

async function put(entry: NewEntry): Promise<Verdict> {
  return await log.append(entry, { type: 'test', actor: entry.by });
}

async function decide(id: string, by = OFFICER, approve = true): Promise<Verdict> {
  await eventually(async () => {
    if (!log.state.requests.has(id)) throw new Error('the request is not there');
    await new Promise((resolve) => setTimeout(resolve, 20));
  });
  const decision = {
    approve,
    scope_sha256: log.state.requests.get(id)!.scopeSha256,
    narrowed: null,
    narrowed_sha256: null,
  };
  return await put({ kind: 'DECIDED', by, request_id: id, decision });
}

/** Asks past `gauze apply`, as whoever can write to the log could. */
async function ask(id: string, audience: string, sha256: string, opens: readonly string[]): Promise<void> {
  const hash = Buffer.from(sha256, 'hex');
  const request = {
    subject: 'POLICY' as const,
    beneficiary_owner: ASKER.id,
    rule: 'policies',
    rules_sha256: Buffer.alloc(32),
    scope: null,
    policy: { audience, sha256: hash, opens },
    scope_sha256: hash,
    stages: [{ role: 'privacy-officers', count: 1 }],
    ticket: null,
    pending_ms: 3_600_000,
    activation_ms: 3_600_000,
    rule_duration_ms: 0,
    extends_grant: null,
    emergency: null,
  };
  const { code } = await put({ kind: 'REQUESTED', by: ASKER, request_id: id, reason: 'asked', request });
  expect(code).toBeNull();
}

/** Puts the policy file of research into the log past `gauze apply`, and waits until the instance has judged it. */
async function forge(approval: PolicyApprovalEntry | null): Promise<void> {
  const before = site.logLines(/ERR_POLICY_UNAPPROVED/).length;
  const text = await policyFile('research');
  const entry: PolicyLogEntry = {
    kind: 'POLICY_APPLIED',
    at: Date.now(),
    by: 'User:gauze-admin',
    policy: {
      audience: 'research',
      version: 99,
      sha256: Buffer.from(parsePolicy(text, 'research.yaml').sha256, 'hex'),
      as_of: Math.floor(Date.now() / 86_400_000),
      text,
    },
    tags: null,
    lane: null,
    resume: null,
    approval,
  };
  const producer = ordinaryProducer(connectionOf('gauze-admin'));
  await producer.connect();
  await producer.send({ topic: site.names.policies, messages: [{ value: policyLogCodec.encode(entry, 1) }] });
  await producer.disconnect();
  await eventually(async () => {
    if (site.logLines(/ERR_POLICY_UNAPPROVED/).length === before) throw new Error('not judged yet');
    await new Promise((resolve) => setTimeout(resolve, 20));
  });
}

test('a policy that opens is asked about once, changes no lane and gives no right', async () => {
  await zipMethod('keep');
  await site.editPolicy('research', (policy) => {
    Object.assign(policy, { readers: ['User:research-app', VENDOR] });
  });
  const plan = await told('plan');
  expect(plan.policies).toMatchObject([
    { audience: 'research', state: 'NEW', request: expect.stringMatching(/^[0-9a-f]{16}$/) },
  ]);
  expect(plan.policies[0]!.opens).toEqual([
    'research: PHI_ZIP: keep instead of zip3',
    `research: ${VENDOR} is a new reader`,
    `research: ${site.raw('clinical.patients')}: address.zip: keep instead of zip3`,
  ]);
  const first = await site.gauze('apply');
  expect(first.code).toBe(3);
  const id = plan.policies[0]!.request!;
  expect(first.stdout).toContain(`waits for a decision of privacy-officers: gauze approve ${id}`);
  expect(await told('apply')).toMatchObject({ code: 3, policies: [{ request: id, state: 'PENDING' }] });
  const asked = await eventually(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const found = log.state.requests.get(id);
    if (!found) throw new Error('not asked');
    return found;
  });
  expect(asked).toMatchObject({ requester: ASKER.id, state: 'PENDING', body: { subject: 'POLICY' } });
  expect(log.state.requests.size).toBe(1);
  expect(await comesOutClear()).toBe(false);
  await withAdmin(async (admin) => {
    const mine = (await admin.describeAcls(VENDOR)).filter(({ name }) => name.startsWith(site.namespace));
    expect(mine).toEqual([]);
  });
  const events = (await dumpTopics([site.names.auditEvents])).map(({ value }) =>
    auditEventCodec.decode(value!),
  );
  expect(
    events.filter(({ type, request_id }) => type === 'request.submitted' && request_id === id),
  ).toHaveLength(1);
}, 120_000);

test('whatever is written into the policy log without that decision changes no lane', async () => {
  const { request, opens } = (await told('plan')).policies[0]!;
  const sha256 = log.state.requests.get(request!)!.body.policy!.sha256.toString('hex');
  await forge(null);
  await forge({ request_id: request!, decision_offset: log.state.requests.get(request!)!.offset });
  // Decisions that are none: by the one who asked, by somebody without the role.
  const own = await decide(request!, ASKER);
  expect(own.code).toBe('ERR_ACCESS_SELF');
  await forge({ request_id: request!, decision_offset: own.offset });
  const clerk = await decide(request!, CLERK);
  expect(clerk.code).toBe('ERR_ACCESS_ROLE');
  await forge({ request_id: request!, decision_offset: clerk.offset });
  // Decisions about something else: denied, of another audience, about another text, told less than it opens.
  const others = [
    { id: '00000000000000a1', audience: 'research', hash: sha256, opens, approve: false },
    { id: '00000000000000a2', audience: 'billing', hash: sha256, opens, approve: true },
    { id: '00000000000000a3', audience: 'research', hash: 'ab'.repeat(32), opens, approve: true },
    { id: '00000000000000a4', audience: 'research', hash: sha256, opens: opens.slice(1), approve: true },
  ];
  for (const { id, audience, hash, opens: toldOf, approve } of others) {
    await ask(id, audience, hash, toldOf);
    const { offset, code } = await decide(id, OFFICER, approve);
    expect(code).toBeNull();
    await forge({ request_id: id, decision_offset: offset });
  }
  expect(await comesOutClear()).toBe(false);
  const { code, stderr } = await site.gauze('status');
  expect(code).toBe(1);
  expect(stderr).toContain('ERR_POLICY_UNAPPROVED');
  expect(stderr).toContain('opens  research: PHI_ZIP: keep instead of zip3');
}, 120_000);

test('with the decision it opens, for lanes and readers, and a restart comes to the same', async () => {
  const { request } = (await told('plan')).policies[0]!;
  expect((await decide(request!)).code).toBeNull();
  expect(await comesOutClear()).toBe(false);
  expect(await told('apply')).toMatchObject({ code: 0, policies: [{ request: null }] });
  await eventually(async () => expect(await comesOutClear()).toBe(true), 60_000);
  await withAdmin(async (admin) => {
    expect((await admin.describeAcls(VENDOR)).map(({ name }) => name)).toContain(
      site.sanitized('clinical.patients', 'research'),
    );
  });
  expect((await site.gauze('status')).code).toBe(0);
  expect((await site.gauze('plan')).stdout.trim()).toBe('Nothing to do.');
  await site.lastInstance().end('SIGKILL');
  site.run();
  expect(await comesOutClear()).toBe(true);
}, 120_000);

test('what only closes applies at once, and the old decision does not open it again', async () => {
  const { request } = (await policyDecision())!;
  await zipMethod('zip3');
  expect(await told('apply')).toMatchObject({ code: 0, policies: [{ opens: [], request: null }] });
  await eventually(async () => expect(await comesOutClear()).toBe(false), 60_000);
  await zipMethod('keep');
  await forge(request);
  expect(await comesOutClear()).toBe(false);
  // Asked again it is another question, and a no to it is a no.
  const again = (await told('apply')).policies[0]!;
  expect(again.state).toBe('NEW');
  expect(again.request).not.toBe(request.request_id);
  expect((await decide(again.request!, OFFICER, false)).code).toBeNull();
  const denied = await site.gauze('apply');
  expect(denied.code).toBe(1);
  expect(denied.stderr).toContain('ERR_POLICY_DENIED');
  expect(await comesOutClear()).toBe(false);
}, 120_000);

test('a site that adds access rules and opens anything in one go is asked first, in the name of somebody', async () => {
  const other = await TestSite.make({ topics: ['clinical.patients'], partitions: 1 });
  try {
    await other.feed([]);
    await other.apply();
    const config = join(other.directory, 'gauze.yaml');
    const before = await readFile(config, 'utf8');
    await writeFile(join(other.directory, 'access.yaml'), accessRules(other));
    await other.editPolicy('research', (policy) => {
      policy.methods['PHI_ZIP'] = 'keep';
      policy.examples = [];
    });
    await writeFile(config, before + CONFIG.replace(/^owners:.*$/m, ''));
    const nobody = await other.gauze('apply');
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toContain('ERR_POLICY_REQUESTER');
    expect(nobody.stderr).toContain('User:gauze-admin');
    await writeFile(config, before + CONFIG);
    expect((await other.gauze('apply')).code).toBe(3);
    const kinds = (await dumpTopics([other.names.policies])).map(
      ({ value }) => policyLogCodec.decode(value!).kind,
    );
    expect(kinds.filter((kind) => kind === 'POLICY_APPLIED')).toHaveLength(3);
    expect(kinds.at(-1)).toBe('APPROVALS_REQUIRED');
    // Without the rules it is all the same: nothing takes it back.
    await writeFile(config, before + CONFIG.replace(/^access:.*$/m, ''));
    expect((await other.gauze('apply')).code).toBe(3);
  } finally {
    await other.close();
  }
}, 120_000);

/** The decision that the policy in force names. */
async function policyDecision(): Promise<{ readonly request: PolicyApprovalEntry } | null> {
  const entries = (await dumpTopics([site.names.policies])).map(({ value }) => policyLogCodec.decode(value!));
  const applied = entries.findLast(({ kind, approval }) => kind === 'POLICY_APPLIED' && approval);
  const decisions = (await dumpTopics([site.names.access])).map((record) => ({
    offset: record.offset,
    entry: accessEntryCodec.decode(record.value!),
  }));
  const named = decisions.find(({ offset }) => offset === applied?.approval?.decision_offset);
  expect(named?.entry).toMatchObject({
    kind: 'DECIDED',
    by: { id: OFFICER.id },
    decision: { approve: true },
  });
  return applied?.approval ? { request: applied.approval } : null;
}
