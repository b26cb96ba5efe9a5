/**
 * Which rule lets a request be made, and with what limits and approvers; frozen into the request, so that a later
 * edit of the rules changes no request that was made under them. Pure: no clock, no I/O.
 * A request that no rule allows in every point is refused; rules never add up.
 */
import { GauzeError } from '../platform/errors.ts';
import type { AccessStage, AccessWindow, ScopeField } from '../schemas/access-codecs.ts';
import { PRIVACY_OFFICERS } from './access-rule.ts';
import type { AccessRule } from './access-rule.ts';
import { EMERGENCY_PURPOSES } from './purposes.ts';

/** What somebody asks for, as far as rules look at it. */
export interface RuleQuestion {
  readonly requester: { readonly id: string; readonly roles: readonly string[] };
  readonly topic: string;
  /** Leaves to be revealed, with their tags in force now. */
  readonly fields: readonly ScopeField[];
  readonly purpose: string;
  readonly durationMs: number;
  readonly maxRecords: number;
  /** null: as many as the rule allows. */
  readonly maxPersons: number | null;
  /** How many persons are named; null: records about anybody. */
  readonly namedPersons: number | null;
  /** Break-glass. */
  readonly emergency: boolean;
  /** Nothing is to be revealed: an audit event is to be replayed. */
  readonly replay?: boolean;
}

/** What a rule makes of it; goes into the request as it is. */
export interface RuleAnswer {
  readonly rule: string;
  readonly rulesSha256: Buffer;
  /** Whom it takes; of break-glass those who are skipped, and told. Empty: approved at once. */
  readonly stages: readonly AccessStage[];
  readonly pendingMs: number;
  readonly activationMs: number;
  /** The cap over this grant and all that it extends. */
  readonly ruleDurationMs: number;
  readonly durationMs: number;
  readonly maxRecords: number;
  readonly maxPersons: number | null;
  /** null also for break-glass, which does not wait for a window. */
  readonly window: AccessWindow | null;
  readonly emergency: { readonly reviewMs: number } | null;
}

export interface RulesContent {
  readonly file: string;
  readonly rules: readonly AccessRule[];
  /** Of the file's text. */
  readonly sha256: Buffer;
  /** Config `roles`: groups by role. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
}

/** How far a rule went along with a question before it said no. */
const STEPS = ['topic', 'requester', 'fields', 'purpose', 'caps', 'approvers'] as const;

interface Refusal {
  readonly step: (typeof STEPS)[number];
  readonly error: GauzeError;
}

export class AccessRules {
  readonly file: string;
  readonly rules: readonly AccessRule[];
  readonly sha256: Buffer;
  readonly #roles: RulesContent['roles'];

  constructor({ file, rules, sha256, roles }: RulesContent) {
    this.file = file;
    this.rules = rules;
    this.sha256 = sha256;
    this.#roles = roles;
  }

  /**
   * The first rule that allows all of it.
   * @throws GauzeError of the rule that came nearest: ERR_ACCESS_RULE_*, ERR_ACCESS_APPROVERS_UNKNOWN
   */
  find(question: RuleQuestion): RuleAnswer {
    let nearest: Refusal | null = null;
    for (const rule of this.rules) {
      const refusal = this.#refusal(rule, question);
      if (refusal === null) return this.#answer(rule, question);
      if (nearest === null || STEPS.indexOf(refusal.step) > STEPS.indexOf(nearest.step)) nearest = refusal;
    }
    throw nearest?.error ?? new GauzeError('ERR_ACCESS_RULE_TOPIC', { topic: question.topic });
  }

  /**
   * Rules under which people of these roles may ask. For offering what can be asked for; `find` decides.
   * @param emergency of break-glass
   */
  offered(roles: readonly string[], emergency: boolean): readonly AccessRule[] {
    return this.rules.filter((rule) => !rule.replay && mayAsk(rule, roles, emergency));
  }

  #refusal(rule: AccessRule, question: RuleQuestion): Refusal | null {
    const { topic, fields } = question;
    const setting = rule.name;
    const no = (step: Refusal['step'], ...error: ConstructorParameters<typeof GauzeError>): Refusal => ({
      step,
      error: new GauzeError(...error),
    });
    const isMeant = rule.replay === (question.replay ?? false);
    if (!isMeant || !rule.topics.includes(topic)) return no('topic', 'ERR_ACCESS_RULE_TOPIC', { topic });
    if (!mayAsk(rule, question.requester.roles, question.emergency)) {
      return question.emergency
        ? no('requester', 'ERR_ACCESS_RULE_EMERGENCY', { topic })
        : no('requester', 'ERR_ACCESS_RULE_REQUESTER', {
            topic,
            setting,
            expected: rule.requesters.join(', '),
          });
    }
    const field = fields.find((each) => !mayBeAskedFor(rule, each));
    if (field) return no('fields', 'ERR_ACCESS_RULE_FIELD', { setting, path: field.path });
    const purposes: readonly string[] = question.emergency ? EMERGENCY_PURPOSES : rule.purposes;
    if (!purposes.includes(question.purpose))
      return no('purpose', 'ERR_ACCESS_RULE_PURPOSE', { setting, expected: purposes.join(', ') });
    const cap = exceededCap(rule, question);
    if (cap) return no('caps', 'ERR_ACCESS_RULE_CAP', { setting, ...cap });
    const role = this.#roleWithoutGroups(rule, question.emergency);
    return role === null ? null : no('approvers', 'ERR_ACCESS_APPROVERS_UNKNOWN', { setting, role });
  }

  /** A role that would have to decide, or to review, and that nobody can have. */
  #roleWithoutGroups(rule: AccessRule, emergency: boolean): string | null {
    const needed = emergency ? [PRIVACY_OFFICERS] : rule.stages.map(({ role }) => role);
    return needed.find((role) => !hasGroups(this.#roles, role)) ?? null;
  }

  #answer(rule: AccessRule, question: RuleQuestion): RuleAnswer {
    const persons = [rule.maxPersons, question.maxPersons, question.namedPersons].filter(
      (each) => each !== null,
    );
    return {
      rule: rule.name,
      rulesSha256: this.sha256,
      stages: rule.stages,
      pendingMs: rule.pendingMs,
      activationMs: rule.activationMs,
      ruleDurationMs: durationCap(rule, question.emergency),
      durationMs: question.durationMs,
      maxRecords: question.maxRecords,
      maxPersons: persons.length === 0 ? null : Math.min(...persons),
      window: question.emergency ? null : rule.window,
      emergency: question.emergency && rule.breakGlass ? { reviewMs: rule.breakGlass.reviewMs } : null,
    };
  }
}

function mayAsk(rule: AccessRule, roles: readonly string[], emergency: boolean): boolean {
  const allowed = emergency ? (rule.breakGlass?.allowed ?? []) : rule.requesters;
  return allowed.some((role) => roles.includes(role));
}

/** By its path, or by all its tags. Untagged leaves are nobody's to ask for by tag. */
export function mayBeAskedFor(rule: AccessRule, { path, tags }: ScopeField): boolean {
  if (rule.autoApprove) return isReviewedAsNoPhi(tags) && (rule.paths.has(path) || rule.tags.has('PHI_NONE'));
  if (rule.paths.has(path)) return true;
  // PHI_NONE beside another tag says nothing: the other one is in force.
  const telling = isReviewedAsNoPhi(tags) ? tags : tags.filter((tag) => tag !== 'PHI_NONE');
  return telling.length > 0 && telling.every((tag) => rule.tags.has(tag));
}

/** True only for a leaf that a person has marked as no PHI and that no other tag reaches. */
function isReviewedAsNoPhi(tags: readonly string[]): boolean {
  return tags.length > 0 && tags.every((tag) => tag === 'PHI_NONE');
}

/** The longest time that the rule gives, in milliseconds. */
export function durationCap(rule: AccessRule, emergency: boolean): number {
  return emergency ? (rule.breakGlass?.maxDurationMs ?? 0) : rule.maxDurationMs;
}

const MINUTE_MS = 60_000;

/** The first cap that the question does not keep, in the words of the API. */
function exceededCap(rule: AccessRule, question: RuleQuestion): { expected: string; limit: number } | null {
  const { durationMs, maxRecords, maxPersons, namedPersons, emergency } = question;
  const longest = durationCap(rule, emergency);
  if (!isWithin(durationMs, longest))
    return { expected: 'durationMinutes', limit: Math.floor(longest / MINUTE_MS) };
  if (!isWithin(maxRecords, rule.maxRecords)) return { expected: 'maxRecords', limit: rule.maxRecords };
  const most = rule.maxPersons ?? Number.MAX_SAFE_INTEGER;
  if (maxPersons !== null && !isWithin(maxPersons, most)) return { expected: 'maxPersons', limit: most };
  if (namedPersons !== null && !isWithin(namedPersons, most)) return { expected: 'persons', limit: most };
  return null;
}

function isWithin(asked: number, most: number): boolean {
  return Number.isSafeInteger(asked) && asked >= 1 && asked <= most;
}

function hasGroups(roles: RulesContent['roles'], role: string): boolean {
  return Object.hasOwn(roles, role) && roles[role]!.length > 0;
}

/** What the rest of a site must have for its rules to be of use. */
export interface RulesSite {
  readonly roles: Readonly<Record<string, readonly string[]>>;
  /** Topics that a policy covers; null: not known. */
  readonly topics: ReadonlySet<string> | null;
}

/**
 * What is wrong with rules in the light of the rest of the site: deciding roles that nobody can have, topics that
 * no policy covers. For `gauze check`.
 */
export function lintAccessRules(
  { file, rules }: AccessRules,
  { roles, topics }: RulesSite,
): readonly GauzeError[] {
  return rules.flatMap((rule) => {
    const place = { file, line: rule.line };
    const deciding = [...rule.stages.map(({ role }) => role), ...(rule.breakGlass ? [PRIVACY_OFFICERS] : [])];
    const nobody = new Set(deciding.filter((role) => !hasGroups(roles, role)));
    const uncovered = rule.topics.filter((topic) => topics !== null && !topics.has(topic));
    return [
      ...[...nobody].map(
        (role) => new GauzeError('ERR_ACCESS_APPROVERS_UNKNOWN', { ...place, setting: rule.name, role }),
      ),
      ...uncovered.map(
        (topic) => new GauzeError('ERR_ACCESS_RULE_UNCOVERED', { ...place, setting: rule.name, topic }),
      ),
    ];
  });
}
