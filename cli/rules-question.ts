/**
 * Asks privacy officers whether the access rules may be others than those under which people ask so far. It only asks;
 * the access log itself refuses requests under rules that nobody has approved.
 */
import { createHash } from 'node:crypto';
import { ACCESS_RULES } from '../approvals/access-rule.ts';
import type { AccessRule } from '../approvals/access-rule.ts';
import type { AccessLog } from '../approvals/access-log.ts';
import { loadAccessRules } from '../approvals/access-rules-file.ts';
import { durationWords } from '../approvals/request-words.ts';
import { GauzeError } from '../platform/errors.ts';
import { askerBody, policyRequester, withAdminLog } from './policy-question.ts';
import type { Site } from './site.ts';

/** How the rules of the file stand: in force, waiting for people, or denied by them; `id` is that of the request. */
export interface RulesQuestion {
  readonly state: 'IN_FORCE' | 'PENDING' | 'DENIED';
  readonly id: string | null;
}

const MINUTE_MS = 60_000;

/** Asks where nobody has asked yet. Throws ERR_POLICY_REQUESTER, and what the access log refuses. */
export async function askAboutRules(site: Site): Promise<RulesQuestion> {
  const { access, roles } = site.config;
  if (!access) return { state: 'IN_FORCE', id: null };
  const { rules, sha256 } = await loadAccessRules(access, { roles, siteTags: site.siteTags });
  return await withAdminLog(site, async (log) => {
    const { rulesInForce } = log.state;
    if (rulesInForce === null || rulesInForce.equals(sha256)) return { state: 'IN_FORCE', id: null };
    for (let attempt = 0; ; attempt++) {
      const id = questionId(rulesInForce, sha256, attempt);
      const known = log.state.requests.get(id);
      if (!known) return await ask(site, log, id, sha256, rules);
      if (known.state === 'DENIED') return { state: 'DENIED', id };
      if (known.state === 'PENDING' && known.pendingUntilMs > log.state.nowMs)
        return { state: 'PENDING', id };
    }
  });
}

async function ask(
  site: Site,
  log: AccessLog,
  id: string,
  sha256: Buffer,
  rules: readonly AccessRule[],
): Promise<RulesQuestion> {
  const requester = await policyRequester(site);
  const policy = { audience: ACCESS_RULES, sha256, opens: rules.map(ruleWords) };
  const request = askerBody(requester, sha256, policy);
  const { code } = await log.append(
    { kind: 'REQUESTED', by: requester, request_id: id, request, reason: 'the access rules were changed' },
    { type: 'request.submitted', actor: requester, requestId: id, rule: { name: request.rule, sha256 } },
  );
  if (code !== null && code !== 'ERR_ACCESS_ID_USED') throw new GauzeError(code, { audience: ACCESS_RULES });
  return { state: 'PENDING', id };
}

/** The same change has the same id, so it is asked about once. */
function questionId(from: Buffer, to: Buffer, attempt: number): string {
  const hash = createHash('sha256').update(from).update(to).update(String(attempt)).digest('hex');
  return hash.slice(0, 16);
}

/** One rule in a sentence: what those who decide would make possible. */
function ruleWords(rule: AccessRule): string {
  const { name, requesters, topics, tags, paths, stages, purposes, maxDurationMs, maxRecords, breakGlass } =
    rule;
  const fields = [...tags, ...paths].sort().join(', ');
  const decided =
    stages.length === 0
      ? 'without a decision'
      : `decided by ${stages.map(({ role, count }) => `${count} of ${role}`).join(', then ')}`;
  const glass = breakGlass ? `; break-glass for ${breakGlass.allowed.join(', ')}` : '';
  return (
    `${name}: ${requesters.join(', ')} may ask for ${fields} of ${topics.join(', ')}, for ${purposes.join(', ')}, ` +
    `at most ${maxRecords} records and ${durationWords(maxDurationMs / MINUTE_MS)}, ${decided}${glass}`
  );
}
