/**
 * `gauze plan` and `gauze apply`: the difference between policies and the cluster, shown or made so.
 */
import type { KafkaAdmin } from '../kafka/admin.ts';
import { ordinaryProducer } from '../kafka/kafkajs-client.ts';
import { ownKafkaJsError } from '../kafka/kafkajs-errors.ts';
import { loadKeyring } from '../keys/keyring.ts';
import { temporaryKeyring } from '../keys/temporary-keyring.ts';
import { sleep } from '../platform/clock.ts';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import { applyChanges, findChanges } from '../policy/apply.ts';
import type { ApplyInput, Changes } from '../policy/apply.ts';
import { loadPolicies } from '../policy/load-policies.ts';
import { POLICY_DECIDERS } from '../policy/policy-approval.ts';
import type { PolicyChange } from '../policy/policy-changes.ts';
import type { PolicyLogEntry } from '../schemas/control-codecs.ts';
import { sanitizedTopic } from '../schemas/topic-names.ts';
import { summarizeOpens } from './opens-summary.ts';
import type { Progress } from '../policy/raw-topics.ts';
import { missingInputs } from './pinned-inputs.ts';
import { withPolicyLog } from './policy-log-access.ts';
import { askAbout, policyRequester } from './policy-question.ts';
import { progressLine } from './progress-line.ts';
import { askAboutRules } from './rules-question.ts';
import type { RulesQuestion } from './rules-question.ts';
import { Site } from './site.ts';
import { EXIT, note, print, report, styled } from './terminal.ts';

const APPEND_ATTEMPTS = 20;
const APPEND_WAIT_MS = 250;

export interface ApplyOptions {
  readonly config: string;
  readonly json: boolean;
  /** Each field of what is opened, also of a new topic. */
  readonly all: boolean;
}

/** Shows what `gauze apply` would do. Exit code 0 also where there is something to do. */
export async function planCommand(options: ApplyOptions): Promise<number> {
  const site = await Site.load(options.config);
  await withAdmin(site, async (admin) => {
    const changes = await withProgress(async (progress) =>
      findChanges(await applyInput(site, admin), progress),
    );
    show(changes, options);
  });
  return EXIT.ok;
}

/**
 * Makes it so; a second run finds nothing to do. Exit code 3 where a policy waits for people, and all else is made; 1
 * where they have said no.
 */
export async function applyCommand(options: ApplyOptions): Promise<number> {
  const site = await Site.load(options.config);
  let code: number = EXIT.ok;
  await withAdmin(site, async (admin) => {
    const { policies } = await applyPolicies(site, admin, note);
    const rules = await rulesQuestion(site);
    const waiting = policies.filter(({ question }) => question !== null);
    if (options.json) print(JSON.stringify({ applied: true, ...opensJson(policies) }));
    else {
      for (const change of policies) showOpens(change, options.all);
      print(
        waiting.length === 0
          ? 'Everything is as the policies say.'
          : 'Everything else is as the policies say.',
      );
    }
    if (rules.state === 'PENDING')
      note(`The access rules wait for a privacy officer: gauze approve ${rules.id}`);
    if (waiting.length > 0 || rules.state === 'PENDING') code = EXIT.waiting;
    if (rules.state === 'DENIED')
      code = report(
        new GauzeError('ERR_POLICY_DENIED', { audience: 'access rules', actual: rules.id! }),
        options.json,
      );
    const denied = waiting.filter(({ question }) => question!.state === 'DENIED');
    for (const { policy, question } of denied)
      code = report(
        new GauzeError('ERR_POLICY_DENIED', { audience: policy.audience, actual: question!.id }),
        options.json,
      );
  });
  return code;
}

/** Work of which a person at a terminal sees how far it is; `clear` before anything else is told. */
async function withProgress<T>(work: (progress: Progress, clear: () => void) => Promise<T>): Promise<T> {
  const { tell, end } = progressLine();
  try {
    return await work((what, done, total) => {
      tell((seconds) => `${what}: ${done} of ${total}, ${Math.round(seconds)} s`);
    }, end);
  } finally {
    end();
  }
}

/** How the access rules stand. A site that nobody has asked anything of yet begins with those it has. */
async function rulesQuestion(site: Site): Promise<RulesQuestion> {
  const required = await withPolicyLog(site, 'admin', async (read) => (await read()).versions.requiredFrom);
  if (required === null) return { state: 'IN_FORCE', id: null };
  return await askAboutRules(site);
}

/** Finds the changes and makes those that need nobody's decision, or have it; asks people about the others. */
export async function applyPolicies(
  site: Site,
  admin: KafkaAdmin,
  onStep: (step: string) => void,
): Promise<Changes> {
  const input = await applyInput(site, admin);
  const changes = await withProgress(async (progress) => findChanges(input, progress));
  const unasked = changes.policies.filter(({ question }) => question?.state === 'NEW');
  // Before anything is changed: it must be clear in whose name people would be asked.
  const requester = unasked.length > 0 ? await policyRequester(site) : null;
  const append = async (values: readonly Buffer[]): Promise<void> => await appendPolicies(site, values);
  await withProgress(async (progress, clear) => {
    const tell = (step: string): void => {
      clear();
      onStep(step);
    };
    await applyChanges(changes, input, { append, onStep: tell, progress });
  });
  if (requester) {
    onStep(`${unasked.length} ${unasked.length === 1 ? 'question' : 'questions'} to privacy officers`);
    await askAbout(site, unasked, requester);
  }
  return changes;
}

/**
 * Appends entries to the policy log, in one request, so that they take effect together. Tried again for a while where
 * the broker has not taken up the right to do so yet; never after any other error, lest an order stand there twice.
 */
export async function appendPolicies(site: Site, values: readonly Buffer[]): Promise<void> {
  const producer = ordinaryProducer(await site.kafkaJsOptions('admin'));
  const messages = values.map((value) => ({ key: null, value, partition: 0 }));
  try {
    await producer.connect();
    for (let attempt = 1; ; attempt++) {
      try {
        await producer.send({ topic: site.names.policies, acks: -1, messages });
        return;
      } catch (error) {
        const isRefused = (error as { type?: unknown }).type === 'TOPIC_AUTHORIZATION_FAILED';
        if (!isRefused || attempt === APPEND_ATTEMPTS) throw error;
        await sleep(APPEND_WAIT_MS);
      }
    }
  } catch (error) {
    throw ownKafkaJsError(error, { apiName: 'Produce', topic: site.names.policies });
  } finally {
    await producer.disconnect();
  }
}

async function withAdmin(site: Site, work: (admin: KafkaAdmin) => Promise<void>): Promise<void> {
  const admin = await site.admin('admin');
  try {
    await admin.connect();
    await work(admin);
  } finally {
    await admin.close();
  }
}

async function applyInput(site: Site, admin: KafkaAdmin): Promise<ApplyInput> {
  const policies = await loadPolicies(site.config.policies);
  const audiences = policies.map(({ audience }) => audience);
  const keys = site.config.keys
    ? await loadKeyring(site.config.keys.file)
    : await temporaryKeyring(audiences);
  for (const audience of audiences) keys.audience(audience);
  const missing = site.config.keys ? missingInputs(policies, keys, await site.aliases()) : [];
  if (missing.length > 0) throw new GauzeErrors(missing);
  const exists = (await admin.listTopics()).includes(site.names.policies);
  return {
    policies,
    admin,
    keys,
    names: site.names,
    roles: site.principals,
    registry: await site.registry(),
    siteTags: site.siteTags,
    state: exists ? await withPolicyLog(site, 'admin', async (read) => await read()) : null,
    by: site.principals.admin,
    hasAccessRules: site.config.access !== undefined,
  };
}

function show(changes: Changes, { json, all }: ApplyOptions): void {
  const { topics, acls, schemas, entries, policies, withoutFile } = changes;
  if (json) {
    const subjects = schemas.map(({ subject }) => subject);
    return print(JSON.stringify({ topics, acls, schemas: subjects, ...opensJson(policies) }));
  }
  for (const { topic, partitions } of topics)
    print(`${styled('green', '+')} topic   ${topic} (${partitions} partitions)`);
  for (const acl of acls)
    print(`${styled('green', '+')} right   ${acl.principal} ${acl.operation} ${acl.resource} ${acl.name}`);
  for (const { subject } of schemas) print(`${styled('green', '+')} schema  ${subject}`);
  for (const entry of entries) {
    const { kind, policy, tags } = entry;
    print(`${styled('green', '+')} policy log  ${kind} ${policy?.audience ?? tags?.subject ?? ''}`);
    showVersions(entry);
  }
  for (const change of policies) showOpens(change, all);
  if (!all && policies.some(({ policy, opens }) => summarizeOpens(policy, opens).length < opens.length))
    note('Each field of what is opened: gauze plan --all.');
  for (const audience of withoutFile)
    note(`${audience} is applied but has no policy file here; it stays in force.`);
  if (topics.length + acls.length + schemas.length + entries.length + policies.length === 0)
    print('Nothing to do.');
}

/** Topics that get a new version: what is filled from now on, and what is left as it is. */
function showVersions({ policy, topic_versions: raised }: PolicyLogEntry): void {
  for (const { topic, version, from } of raised ?? []) {
    const filled = sanitizedTopic(topic, policy!.audience, version);
    print(
      `${styled('yellow', '!')} version ${filled} is filled from ${from.toLowerCase()}; nothing more is written`,
    );
    print('          to the version before, which its readers keep');
  }
}

/** What a changed policy opens, and what it waits for. */
function showOpens({ policy, opens, question }: PolicyChange, isAll: boolean): void {
  for (const sentence of isAll ? opens : summarizeOpens(policy, opens))
    print(`${styled('yellow', '!')} opens   ${sentence}`);
  if (question && question.state !== 'DENIED')
    print(`${policy.audience} waits for a decision of ${POLICY_DECIDERS}: gauze approve ${question.id}`);
}

function opensJson(policies: readonly PolicyChange[]): object {
  return {
    policies: policies.map(({ policy, opens, question }) => ({
      audience: policy.audience,
      opens,
      request: question?.id ?? null,
      state: question?.state ?? null,
    })),
  };
}
