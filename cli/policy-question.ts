/**
 * Asks people whether a policy may open what it opens: in the name of the person who has logged in, else of the one
 * who answers for the admin's Kafka log-in. It only asks; nobody decides about what they have asked themselves.
 */
import { AccessLog } from '../approvals/access-log.ts';
import { loadAccessRules } from '../approvals/access-rules-file.ts';
import { Identity } from '../approvals/identity.ts';
import { randomId } from '../platform/clock.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { POLICY_DECIDERS } from '../policy/policy-approval.ts';
import type { Asked, PolicyChange } from '../policy/policy-changes.ts';
import { accessEntryCodec } from '../schemas/access-codecs.ts';
import type { AccessActor, RequestBody } from '../schemas/access-codecs.ts';
import { auditEventCodec } from '../schemas/control-codecs.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import { accessToken } from './login-command.ts';
import type { Site } from './site.ts';

const RULE = 'policies';
const DAY_MS = 24 * 60 * 60_000;
/** How long people may take. */
const PENDING_MS = 7 * DAY_MS;
/** Log-ins that are none: then the config says who answers. Anything else that is wrong with one is said. */
const NOT_LOGGED_IN: ReadonlySet<string> = new Set(['ERR_LOGIN_NEEDED', 'ERR_LOGIN_UNCONFIGURED']);

/** The person in whose name the admin asks. Throws ERR_POLICY_REQUESTER, and what is wrong with a log-in. */
export async function policyRequester(site: Site): Promise<AccessActor> {
  const loggedIn = await loggedInPerson(site);
  if (loggedIn) return loggedIn;
  const { admin } = site.principals;
  const owner = site.config.owners[admin];
  if (!owner) throw new GauzeError('ERR_POLICY_REQUESTER', { actual: admin });
  return { kind: 'HUMAN', id: owner, roles: [], on_behalf_of: null, token_id: null };
}

/** The person who has logged in; null for nobody. Throws what is wrong with a log-in. */
export async function loggedInPerson(site: Site): Promise<AccessActor | null> {
  const { oidc, roles, owners } = site.config;
  if (!oidc) return null;
  const token = await accessToken(site).catch((error: unknown) => {
    if (NOT_LOGGED_IN.has(ownError(error).code)) return null;
    throw error;
  });
  if (token === null) return null;
  const person = await new Identity({ oidc, roles, owners }).personOfToken(token);
  if (person.kind !== 'HUMAN') return null;
  const { id, roles: held, onBehalfOf, tokenId } = person;
  return { kind: 'HUMAN', id, roles: held, on_behalf_of: onBehalfOf, token_id: tokenId };
}

/** Appends a request for each change that nobody has asked about yet. Throws what the access log refuses. */
export async function askAbout(
  site: Site,
  changes: readonly PolicyChange[],
  requester: AccessActor,
): Promise<void> {
  const questions = changes.map(({ policy, opens, question }) => ({
    asked: policy,
    opens,
    id: question!.id,
    reason: `the policy of ${policy.audience} was changed`,
  }));
  await askPeople(site, questions, requester);
}

/** A question to privacy officers. */
export interface Question {
  readonly asked: Asked;
  readonly opens: readonly string[];
  readonly id: string;
  readonly reason: string;
}

/** Appends a request for each question. Throws what the access log refuses. */
export async function askPeople(
  site: Site,
  questions: readonly Question[],
  requester: AccessActor,
): Promise<void> {
  const rulesSha256 = await rulesHash(site);
  await withAdminLog(site, async (log) => {
    for (const question of questions) await ask(log, question, requester, rulesSha256);
  });
}

/** Opens the access log with the admin's log-in and closes it afterwards. */
export async function withAdminLog<T>(site: Site, work: (log: AccessLog) => Promise<T>): Promise<T> {
  const auditKey = (await site.keyring()).auditWriter('admin');
  const cluster = await site.cluster('admin');
  const registry = await site.registry();
  const { names } = site;
  try {
    await cluster.start();
    const log = new AccessLog({
      cluster,
      names,
      instance: `admin.${randomId()}`,
      schemaIds: {
        access: await registry.register(valueSubject(names.access), accessEntryCodec.schemaText),
        auditEvent: await registry.register(valueSubject(names.auditEvents), auditEventCodec.schemaText),
      },
      auditKey,
      // Outages are waited out as long as an append may take; then it is the append that fails.
      onTrouble: () => undefined,
    });
    try {
      await log.start();
      return await work(log);
    } finally {
      await log.close();
    }
  } finally {
    await cluster.close();
  }
}

/** A question about what `policy` says, for one privacy officer to decide. */
export function askerBody(
  requester: AccessActor,
  rulesSha256: Buffer,
  policy: NonNullable<RequestBody['policy']>,
): RequestBody {
  return {
    subject: 'POLICY',
    beneficiary_owner: requester.id,
    rule: RULE,
    rules_sha256: rulesSha256,
    scope: null,
    policy,
    scope_sha256: policy.sha256,
    stages: [{ role: POLICY_DECIDERS, count: 1 }],
    ticket: null,
    pending_ms: PENDING_MS,
    activation_ms: PENDING_MS,
    rule_duration_ms: 0,
    extends_grant: null,
    emergency: null,
  };
}

async function ask(
  log: AccessLog,
  { asked, opens, id: requestId, reason }: Question,
  requester: AccessActor,
  rulesSha256: Buffer,
): Promise<void> {
  const { audience } = asked;
  const sha256 = Buffer.from(asked.sha256, 'hex');
  const request = askerBody(requester, rulesSha256, { audience, sha256, opens });
  const { code } = await log.append(
    { kind: 'REQUESTED', by: requester, request_id: requestId, request, reason },
    {
      type: 'request.submitted',
      actor: requester,
      requestId,
      rule: { name: RULE, sha256: rulesSha256 },
      ext: { audience },
    },
  );
  // Somebody else may have asked the same just now.
  if (code !== null && code !== 'ERR_ACCESS_ID_USED') throw new GauzeError(code, { audience });
}

/** Of the rules that say who the people are; zeros where the site has taken its rules away since. */
async function rulesHash(site: Site): Promise<Buffer> {
  const { access, roles } = site.config;
  if (!access) return Buffer.alloc(32);
  return (await loadAccessRules(access, { roles, siteTags: site.siteTags })).sha256;
}
