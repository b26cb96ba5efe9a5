/**
 * `gauze tags`: which tags are in force at each place of a topic's schemas and where each comes from; and
 * `gauze tags release`: a person lets a tag of earlier versions go. A release opens: it is audited before it is
 * written, and where people decide about policies it waits for them.
 */
import { accessEvent } from '../audit/access-events.ts';
import { assertNoIdentifier } from '../approvals/free-text.ts';
import { nowMs } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { nearestOf } from '../platform/suggestion.ts';
import { decisionAbout } from '../policy/policy-changes.ts';
import type { PolicyState } from '../policy/policy-log.ts';
import { readSubjectTags, tagsOfVersions } from '../policy/subject-tags.ts';
import { releaseHash, releaseName, releaseWords } from '../policy/tag-log.ts';
import { leavesReleased, tagOrigins } from '../policy/tag-release.ts';
import type { TagOrigin } from '../policy/tag-release.ts';
import { policyLogCodec } from '../schemas/control-codecs.ts';
import type { PolicyApprovalEntry, TagReleaseEntry } from '../schemas/control-codecs.ts';
import type { AccessActor } from '../schemas/access-codecs.ts';
import { TAGS, isTagName } from '../schemas/tags.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import { appendPolicies } from './apply-command.ts';
import { withHand } from './audit-retention-command.ts';
import { withPolicyLog } from './policy-log-access.ts';
import { askPeople, policyRequester } from './policy-question.ts';
import { Site } from './site.ts';
import { EXIT, note, print, report, table } from './terminal.ts';

export interface TagsOptions {
  readonly config: string;
  readonly json: boolean;
}

export interface ReleaseOptions extends TagsOptions {
  readonly reason?: string;
}

/** Lists the tags in force for the values of a raw topic, and the releases. */
export async function tagsCommand(topic: string, options: TagsOptions): Promise<number> {
  const site = await Site.load(options.config);
  const subject = await readSubjectTags(await site.registry(), site.siteTags, valueSubject(topic));
  const each = subject.versions.map(
    (version) => tagsOfVersions(subject.subject, [version], site.siteTags).tags,
  );
  await withPolicyLog(site, 'topology', async (read) => {
    const state = await read();
    const origins = tagOrigins(subject, each, state);
    const releases = state.tags.releasesOf(subject.subject);
    if (options.json) return print(JSON.stringify({ topic, tags: origins, releases }));
    for (const line of table(['place', 'tag', 'from'], origins.map(row))) print(line);
    for (const { release, offset, isInForce } of releases) {
      const { path, tag, by, reason } = release;
      const standing = isInForce ? '' : ' (not in force: nobody has decided it)';
      print(`released at offset ${offset}${standing}: ${tag} at ${path}, by ${by}: ${reason}`);
    }
  });
  return EXIT.ok;
}

/**
 * Releases a tag. Exit code 3 where it waits for people, 1 where they have said no. Throws ERR_TAGS_RELEASE where it
 * would change nothing.
 */
export async function releaseCommand(args: readonly string[], options: ReleaseOptions): Promise<number> {
  const [topic, path, word, ...others] = args;
  const { reason } = options;
  if (topic === undefined || path === undefined || word === undefined || others.length > 0)
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: 'release',
      expected: 'a topic, a place and a tag',
    });
  if (reason === undefined)
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--reason', expected: 'given' });
  assertNoIdentifier(reason, '--reason');
  const site = await Site.load(options.config);
  const tag = isTagName(word) ? word : site.siteTags.get(word);
  if (!tag)
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: 'tag',
      expected: 'a tag of gauze or the config',
      ...nearestOf(word, [...Object.keys(TAGS), ...site.siteTags.keys()]),
    });
  const subject = await readSubjectTags(await site.registry(), site.siteTags, valueSubject(topic));
  return await withPolicyLog(site, 'admin', async (read) => {
    const state = await read();
    const leaves = leavesReleased(subject, state, { path, tag }, site.siteTags);
    const requester = await policyRequester(site);
    const release = { subject: subject.subject, path, tag, by: requester.id, reason };
    const decision = await decided(site, state, release, requester);
    if (decision.waits !== null) return waiting(decision.waits, release, options);
    await write(site, release, requester, decision.approval);
    if (options.json) print(JSON.stringify({ released: true, leaves }));
    else print(`${tag} of earlier versions no longer counts at: ${leaves.join(', ')}.`);
    return EXIT.ok;
  });
}

interface Decided {
  readonly approval: PolicyApprovalEntry | null;
  /** The question that people have not said yes to. */
  readonly waits: { readonly id: string; readonly isDenied: boolean } | null;
}

async function decided(
  site: Site,
  { versions }: PolicyState,
  release: TagReleaseEntry,
  requester: AccessActor,
): Promise<Decided> {
  if (versions.requiredFrom === null) {
    const { subject, path, tag } = release;
    // Who decides is said by the access rules; `apply` writes that down before anything else.
    if (site.config.access && versions.versions.size > 0)
      throw new GauzeError('ERR_TAGS_RELEASE', { subject, path, tag, actual: 'run `gauze apply` first' });
    return { approval: null, waits: null };
  }
  const asked = { audience: releaseName(release), sha256: releaseHash(release).toString('hex') };
  const opens = [releaseWords(release)];
  const { approval, question } = decisionAbout(asked, opens, { versions, nowMs: nowMs() });
  if (!question) return { approval, waits: null };
  const { id, state } = question;
  if (state === 'NEW') await askPeople(site, [{ asked, opens, id, reason: release.reason }], requester);
  return { approval: null, waits: { id, isDenied: state === 'DENIED' } };
}

function waiting(
  { id, isDenied }: NonNullable<Decided['waits']>,
  release: TagReleaseEntry,
  { json }: ReleaseOptions,
): number {
  if (isDenied)
    return report(new GauzeError('ERR_POLICY_DENIED', { audience: releaseName(release), actual: id }), json);
  if (json) print(JSON.stringify({ released: false, request: id }));
  else note(`The release waits for a privacy officer: gauze approve ${id}; then run this again.`);
  return EXIT.waiting;
}

/** On record first: a release that nobody can find in the audit must not be possible. */
async function write(
  site: Site,
  release: TagReleaseEntry,
  actor: AccessActor,
  approval: PolicyApprovalEntry | null,
): Promise<void> {
  const { subject, path, tag, reason } = release;
  const ext = { subject, path, tag, reason, ...(approval ? { request: approval.request_id } : {}) };
  await withHand(site, async (hand) => {
    await hand.declare([accessEvent({ type: 'tags.released', actor, action: 'U', ext }, nowMs())]);
  });
  const registry = await site.registry();
  const id = await registry.register(valueSubject(site.names.policies), policyLogCodec.schemaText);
  const entry = { kind: 'TAGS_RELEASED', at: nowMs(), by: site.principals.admin } as const;
  const nothing = { policy: null, tags: null, lane: null, resume: null };
  await appendPolicies(site, [policyLogCodec.encode({ ...entry, ...nothing, release, approval }, id)]);
}

function row({ path, tag, versions, logOffset }: TagOrigin): string[] {
  const carried = versions.length > 0 ? [`version ${versions.join(', ')}`] : [];
  const seen = logOffset === null ? [] : [`policy log at ${logOffset}`];
  return [path, tag, [...carried, ...seen].join('; ')];
}
