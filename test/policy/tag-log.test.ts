/**
 * Tags in the policy log: seen, released, seen again. And what a release does to the tags in force of a subject.
 */
import { describe, expect, test } from '@jest/globals';
import { PolicyState } from '../../policy/policy-log.ts';
import type { PolicyRequest } from '../../policy/policy-approval.ts';
import { tagsOfSubject, tagsOfVersions, unseenTags } from '../../policy/subject-tags.ts';
import type { SubjectTags } from '../../policy/subject-tags.ts';
import { TagLog, releaseHash, releaseName, releaseWords } from '../../policy/tag-log.ts';
import { leavesReleased, tagOrigins } from '../../policy/tag-release.ts';
import type { PolicyLogEntry, TagReleaseEntry } from '../../schemas/control-codecs.ts';
import { parseAvroSchema } from '../../schemas/parse-avro.ts';
import type { PathTags } from '../../schemas/tags.ts';
import { GauzeError } from '../../platform/errors.ts';
import { compile, field, planned, policyWith } from '../support/policy-fixture.ts';

const SUBJECT = 'clinical.tests-value';
const NOTHING = { at: 0, by: 'User:admin', policy: null, tags: null, lane: null, resume: null } as const;

const release = (path: string, tag: string, more: Partial<TagReleaseEntry> = {}): TagReleaseEntry => ({
  subject: SUBJECT,
  path,
  tag,
  by: 'ann@example.org',
  reason: 'reviewed',
  ...more,
});

const seen = (paths: Readonly<Record<string, readonly string[]>>): NonNullable<PolicyLogEntry['tags']> => ({
  subject: SUBJECT,
  paths: Object.entries(paths).map(([path, tags]) => ({ path, tags })),
});

function told(tags: PathTags): Record<string, string[]> {
  const words = [...tags].map(([path, each]) => [path, [...each].sort()] as const);
  return Object.fromEntries(words.filter(([, each]) => each.length > 0));
}

/** A log where approvals are required from offset 100 on, and these requests are approved. */
function logWith(requests: readonly PolicyRequest[] = []): TagLog {
  return new TagLog({
    at: () => 100,
    approved: ({ request_id, decision_offset }) =>
      requests.find(({ id, decisionOffset }) => id === request_id && decisionOffset === decision_offset) ??
      null,
  });
}

function approved(about: TagReleaseEntry, more: Partial<PolicyRequest> = {}): PolicyRequest {
  return {
    id: 'a'.repeat(16),
    audience: releaseName(about),
    sha256: releaseHash(about).toString('hex'),
    opens: [releaseWords(about)],
    requester: about.by,
    state: 'APPROVED',
    pendingUntilMs: 0,
    decisionOffset: 7,
    ...more,
  };
}

const DECISION = { request_id: 'a'.repeat(16), decision_offset: 7 };

describe('a release', () => {
  test('ends a tag at its place and below, that tag only, and nothing of another subject', () => {
    const log = logWith();
    log.see(1, seen({ a: ['PHI_GEO', 'PHI_ZIP'], 'a.b': ['PHI_GEO'], ab: ['PHI_GEO'] }));
    log.see(2, { ...seen({ a: ['PHI_GEO'] }), subject: 'other-value' });
    log.release(3, 0, release('a', 'PHI_GEO'), null);
    expect(told(log.inForce(SUBJECT))).toEqual({ a: ['PHI_ZIP'], ab: ['PHI_GEO'] });
    expect(told(log.inForce('other-value'))).toEqual({ a: ['PHI_GEO'] });
    expect(told(log.inForce(SUBJECT, 3))).toMatchObject({ a: ['PHI_GEO', 'PHI_ZIP'] });
  });

  test('does not hold for a tag that is seen again', () => {
    const log = logWith();
    log.see(1, seen({ a: ['PHI_GEO'] }));
    log.release(3, 0, release('a', 'PHI_GEO'), null);
    expect(log.see(5, seen({ a: ['PHI_GEO'] }))).toBe(true);
    expect(log.see(6, seen({ a: ['PHI_GEO'] }))).toBe(false);
    expect(told(log.inForce(SUBJECT))).toEqual({ a: ['PHI_GEO'] });
    expect(log.seen(SUBJECT)).toEqual([{ path: 'a', tag: 'PHI_GEO', offset: 5 }]);
  });

  const one = release('a', 'PHI_GEO');
  test.each([
    ['names no decision', [approved(one)], null, false],
    ['names one that nobody took', [], DECISION, false],
    ['names one about another policy', [approved(one, { audience: 'research' })], DECISION, false],
    ['names one about another place', [approved(release('b', 'PHI_GEO'))], DECISION, false],
    ['names one of another reason', [approved({ ...one, reason: 'other' })], DECISION, false],
    ['names one of people who were told something else', [approved(one, { opens: [] })], DECISION, false],
    ['names a decision about exactly it', [approved(one)], DECISION, true],
  ])('where approvals are required and it %s', (_, requests, approval, isInForce) => {
    const log = logWith(requests);
    log.see(1, seen({ a: ['PHI_GEO'] }));
    log.release(100, 0, one, approval);
    expect(log.releasesOf(SUBJECT)).toMatchObject([{ offset: 100, isInForce }]);
    expect(told(log.inForce(SUBJECT))).toEqual(isInForce ? {} : { a: ['PHI_GEO'] });
  });

  test('uses its decision up', () => {
    const log = logWith([approved(one)]);
    log.see(1, seen({ a: ['PHI_GEO'] }));
    log.release(100, 0, one, DECISION);
    log.see(101, seen({ a: ['PHI_GEO'] }));
    log.release(102, 0, one, DECISION);
    expect(log.isUsed(DECISION.request_id)).toBe(true);
    expect(told(log.inForce(SUBJECT))).toEqual({ a: ['PHI_GEO'] });
  });

  test('whose decision is read later counts then, and not for what was seen after it', () => {
    const requests: PolicyRequest[] = [];
    const log = logWith(requests);
    log.see(1, seen({ a: ['PHI_GEO'], b: ['PHI_GEO'] }));
    log.release(100, 0, release('$', 'PHI_GEO'), DECISION);
    log.see(101, seen({ b: ['PHI_GEO'] }));
    expect(log.settle()).toBe(false);
    expect(log.namedDecision).toBe(7);
    requests.push(approved(release('$', 'PHI_GEO')));
    expect(log.settle()).toBe(true);
    expect(told(log.inForce(SUBJECT))).toEqual({ b: ['PHI_GEO'] });
  });

  test('counts in an older state of the log as it does in a later one', () => {
    const [past, later] = [logWith(), logWith([approved(one)])];
    for (const log of [past, later]) {
      log.see(1, seen({ a: ['PHI_GEO'] }));
      log.release(100, 0, one, DECISION);
    }
    later.release(200, 0, one, null);
    past.countAs(later);
    expect(told(past.inForce(SUBJECT))).toEqual({});
  });

  test('stands in the policy log without a decision as long as none is required', () => {
    const state = new PolicyState();
    state.fold(0, { ...NOTHING, kind: 'TAGS_SEEN', tags: seen({ a: ['PHI_GEO'], b: ['PHI_GEO'] }) });
    state.fold(1, { ...NOTHING, kind: 'TAGS_RELEASED', release: one });
    state.fold(2, { ...NOTHING, kind: 'APPROVALS_REQUIRED' });
    const before = state.rulesVersion;
    state.fold(3, {
      ...NOTHING,
      kind: 'TAGS_RELEASED',
      release: release('b', 'PHI_GEO'),
      approval: DECISION,
    });
    expect(told(state.tags.inForce(SUBJECT))).toEqual({ b: ['PHI_GEO'] });
    expect(state.versions.awaitsDecision).toBe(true);
    expect(state.rulesVersion).toBeGreaterThan(before);
    expect(told(state.versions.knownPlaces(['clinical.tests']).get('clinical.tests')!)).toEqual({
      b: ['PHI_GEO'],
    });
  });
});

describe('tags in force after a release', () => {
  const version = (number: number, ...fields: object[]) => ({
    id: number,
    version: number,
    text: JSON.stringify({ type: 'record', name: 'R', fields }),
    references: [],
    metadata: new Map(),
  });
  const subjectOf = (...versions: ReturnType<typeof version>[]): SubjectTags =>
    tagsOfVersions(SUBJECT, versions, new Map());
  const tagged = version(1, field('a', 'string', ['PHI_NAME']), field('b', 'string', ['PHI_NONE']));
  const reviewed = version(2, field('a', 'string', ['PHI_NONE']), field('b', 'string', ['PHI_NONE']));

  /** A log that has seen all of the subject, and then the releases. */
  function stateOf(subject: SubjectTags, ...releases: TagReleaseEntry[]): PolicyState {
    const state = new PolicyState();
    const paths = unseenTags(subject, null);
    state.fold(0, { ...NOTHING, kind: 'TAGS_SEEN', tags: { subject: SUBJECT, paths } });
    releases.forEach((each, at) => state.fold(1 + at, { ...NOTHING, kind: 'TAGS_RELEASED', release: each }));
    return state;
  }

  const subject = subjectOf(tagged, reviewed);
  const state = stateOf(subject, release('a', 'PHI_NAME'));

  test('are those of earlier versions no more, and the log does not bring them back', () => {
    expect(told(tagsOfSubject(subject, state))).toEqual({ a: ['PHI_NONE'], b: ['PHI_NONE'] });
    expect(unseenTags(subject, state)).toEqual([]);
  });

  test('are what the newest version carries, whatever was released', () => {
    const again = subjectOf(tagged, reviewed, { ...tagged, version: 3, id: 3 });
    expect(told(tagsOfSubject(again, state))).toMatchObject({ a: ['PHI_NAME', 'PHI_NONE'] });
    // So the topology writes it down again, and from then on it stays.
    expect(unseenTags(again, state)).toEqual([{ path: 'a', tags: ['PHI_NAME'] }]);
    const tags = { subject: SUBJECT, paths: unseenTags(again, state) };
    const later = stateOf(subject, release('a', 'PHI_NAME'));
    later.fold(5, { ...NOTHING, kind: 'TAGS_SEEN', tags });
    const gone = subjectOf(tagged, reviewed, { ...tagged, version: 3 }, { ...reviewed, version: 4 });
    expect(told(tagsOfSubject(gone, later))).toMatchObject({ a: ['PHI_NAME', 'PHI_NONE'] });
  });

  test('make other plans, with another hash; records of a version that carries the tag keep it', () => {
    const policy = policyWith();
    const planOf = (text: string, tags: PathTags) =>
      planned(compile(policy, parseAvroSchema(text), { tagsInForce: tags }));
    const before = planOf(reviewed.text, tagsOfSubject(subject, stateOf(subject)));
    const after = planOf(reviewed.text, tagsOfSubject(subject, state));
    expect(before.leaves[0]!.instruction.method).toBe('drop');
    expect(after.leaves[0]!.instruction.method).toBe('keep');
    expect(after.hash).not.toBe(before.hash);
    const old = planOf(tagged.text, tagsOfSubject(subject, state));
    expect(old.leaves[0]!.instruction.method).toBe('drop');
  });

  function refusal(of: SubjectTags, path: string, tag: string, at = stateOf(of)): string | undefined {
    try {
      return leavesReleased(of, at, { path, tag }, new Map()).join();
    } catch (error) {
      if (error instanceof GauzeError && error.code === 'ERR_TAGS_RELEASE') return error.context.actual;
      throw error;
    }
  }

  test('a release says which leaves lose the tag, and is refused where none would', () => {
    const outer = (tags: readonly string[]) =>
      field('o', { type: 'record', name: 'O', fields: [field('i', 'string', ['PHI_NONE'])] }, tags);
    const nested = subjectOf(version(1, outer(['PHI_GEO'])), version(2, outer([])));
    expect(refusal(subject, 'a', 'PHI_NAME')).toBe('a');
    expect(refusal(nested, 'o', 'PHI_GEO')).toBe('o.i');
    expect(refusal(nested, 'o.i', 'PHI_GEO')).toBe('it reaches the leaves there from another place');
    expect(refusal(subject, 'b', 'PHI_NAME')).toBe('it is not in force there');
    expect(refusal(subject, 'a', 'PHI_NAME', state)).toBe('it is not in force there');
    expect(refusal(subjectOf(reviewed, tagged), 'a', 'PHI_NAME')).toBe(
      'the newest version of the schema carries it',
    );
    const gone = subjectOf(tagged, version(2, field('b', 'string', ['PHI_NONE'])));
    expect(refusal(gone, 'a', 'PHI_NAME')).toBe('no leaf of the newest version has it');
  });

  test('are listed with the versions and the entry of the log that they come from', () => {
    const each = subject.versions.map((one) => tagsOfVersions(SUBJECT, [one], new Map()).tags);
    expect(tagOrigins(subject, each, stateOf(subject))).toEqual([
      { path: 'a', tag: 'PHI_NAME', versions: [1], logOffset: 0 },
      { path: 'a', tag: 'PHI_NONE', versions: [2], logOffset: 0 },
      { path: 'b', tag: 'PHI_NONE', versions: [1, 2], logOffset: 0 },
    ]);
  });
});
