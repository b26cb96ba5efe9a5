/**
 * Reads access.yaml: every problem at once, each with file, line and what was expected.
 * It must never correct, ignore or guess anything: what is not said plainly is refused, and no number lacks a limit.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import { YamlFile } from '../platform/yaml-file.ts';
import type { SettingPath } from '../platform/yaml-file.ts';
import type { AccessWindow } from '../schemas/access-codecs.ts';
import { isTagName } from '../schemas/tags.ts';
import type { SiteTags } from '../schemas/tags.ts';
import type { AccessRule } from './access-rule.ts';
import { AccessRules } from './access-rules.ts';
import { isPurposeCode } from './purposes.ts';

/** What rules may name. */
export interface RuleWords {
  /** Config `roles`: groups by role. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
  readonly siteTags: SiteTags;
}

/**
 * Reads a file of access rules.
 * @throws GauzeErrors with every problem (ERR_CONFIG_SYNTAX, else ERR_ACCESS_*); ERR_CONFIG_FILE_UNREADABLE
 */
export async function loadAccessRules(file: string, words: RuleWords): Promise<AccessRules> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    throw new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file });
  }
  return parseAccessRules(text, file, words);
}

/** The same for a text; `file` is its name in errors. */
export function parseAccessRules(text: string, file: string, words: RuleWords): AccessRules {
  const yaml = YamlFile.parse(file, text);
  const rules = new RulesReader(yaml, words).read();
  return new AccessRules({
    file,
    rules,
    sha256: createHash('sha256').update(text).digest(),
    roles: words.roles,
  });
}

const MINUTE_MS = 60_000;
const UNIT_MS: Readonly<Record<string, number>> = { m: MINUTE_MS, h: 60 * MINUTE_MS, d: 1_440 * MINUTE_MS };
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const DEFAULT_ACTIVATION = '24h';
/** Beginnings that only tags have: what looks like one and is none is a mistake, never the name of a field. */
const TAG_LIKE = /^(PHI|PROVIDER|SENSITIVE)_/;
const PATH = /^[$A-Za-z_][A-Za-z0-9_.$<>[\]{}]{0,499}$/;

/** Completes "must be ..."; zod's own texts are not used. */
const says = (expected: string) => ({ error: expected });

const duration = z
  .string(says('a time such as 90m, 8h or 2d'))
  .regex(/^[1-9]\d{0,4}[mhd]$/, says('a time such as 90m, 8h or 2d'))
  .transform((written) => Number(written.slice(0, -1)) * UNIT_MS[written.slice(-1)]!);
const count = (what: string) =>
  z.int(says(`a number of ${what}, at least 1`)).min(1, says(`a number of ${what}, at least 1`));
const minuteOfDay = z
  .string(says('a time of day such as "08:00"'))
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, says('a time of day such as "08:00"'))
  .transform((written) => Number(written.slice(0, 2)) * 60 + Number(written.slice(3)));

function listOf<S extends z.ZodType>(item: S, what: string) {
  return z.array(item, says(`a list of ${what}`)).min(1, says(`a list of ${what}`));
}

const windowSchema = z.strictObject(
  {
    zone: z
      .string(says('an IANA time zone such as Europe/Berlin'))
      .refine(isTimeZone, says('an IANA time zone such as Europe/Berlin')),
    days: listOf(z.enum(DAYS, says(`one of ${DAYS.join(', ')}`)), 'days'),
    from: minuteOfDay,
    to: minuteOfDay,
  },
  says('zone, days, from and to'),
);

function isTimeZone(zone: string): boolean {
  // Not an offset such as +01:00, which knows no daylight saving time.
  if (!/^[A-Za-z]/.test(zone)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The schema of a rule, where `words` are the roles and tags that it may name. */
export function ruleSchema({ roles, siteTags }: RuleWords) {
  const problem = (code: ErrorCode) => ({ params: { code } });
  const role = z
    .string(says('a role'))
    .refine((word) => Object.hasOwn(roles, word), problem('ERR_ACCESS_ROLE_UNKNOWN'));
  const field = z
    .string(says('a path or a tag'))
    .refine((word) => !TAG_LIKE.test(word) || isTagName(word), problem('ERR_ACCESS_TAG_UNKNOWN'))
    .refine((word) => siteTags.has(word) || PATH.test(word), says('a path or a tag'));
  const purpose = z
    .string(says('a code of PurposeOfUse'))
    .refine((word) => isPurposeCode(word), problem('ERR_ACCESS_PURPOSE_UNKNOWN'));
  return z.strictObject(
    {
      name: z.string(says('a name')).regex(/^[a-z][a-z0-9-]{0,62}$/, says('small letters, digits and -')),
      topics: listOf(
        z.string(says('a topic')).regex(/^[A-Za-z0-9._-]{1,249}$/, says('a topic')),
        'raw topics',
      ),
      fields: listOf(field, 'paths and tags').optional(),
      requesters: listOf(role, 'roles'),
      stages: z
        .array(
          z.strictObject({ approvers: role, count: count('people') }, says('approvers and count')),
          says('a list of stages, each with approvers and count'),
        )
        .default([]),
      purposes: listOf(purpose, 'codes of PurposeOfUse'),
      pendingFor: duration,
      activateWithin: duration.prefault(DEFAULT_ACTIVATION),
      maxDuration: duration,
      maxRecords: count('records'),
      maxPersons: count('persons').optional(),
      window: windowSchema.optional(),
      autoApprove: z.boolean(says('true or false')).default(false),
      replay: z.boolean(says('true or false')).default(false),
      breakGlass: z
        .strictObject(
          { allowed: listOf(role, 'roles'), maxDuration: duration, reviewWithin: duration },
          says('allowed, maxDuration and reviewWithin'),
        )
        .optional(),
    },
    says('a rule'),
  );
}

type WrittenRule = z.output<ReturnType<typeof ruleSchema>>;

class RulesReader {
  readonly #yaml: YamlFile;
  readonly #words: RuleWords;
  readonly #problems: GauzeError[] = [];

  constructor(yaml: YamlFile, words: RuleWords) {
    this.#yaml = yaml;
    this.#words = words;
  }

  read(): readonly AccessRule[] {
    const settings = this.#yaml.value() as Readonly<Record<string, unknown>>;
    for (const name of Object.keys(settings))
      if (name !== 'rules') this.#problem('ERR_ACCESS_SETTING_UNKNOWN', [name]);
    const written = settings['rules'];
    if (!Array.isArray(written) || written.length === 0) {
      this.#problem(
        written === undefined ? 'ERR_ACCESS_SETTING_MISSING' : 'ERR_ACCESS_SETTING_WRONG',
        ['rules'],
        'a list of rules',
      );
    }
    const schema = ruleSchema(this.#words);
    const rules = (Array.isArray(written) ? written : []).flatMap((rule: unknown, at) =>
      this.#rule(schema, rule, at),
    );
    rules.forEach(({ name }, at) => {
      if (rules.findIndex((other) => other.name === name) < at)
        this.#problem('ERR_ACCESS_SETTING_WRONG', ['rules', at, 'name'], 'a name that no other rule has');
    });
    if (this.#problems.length > 0)
      throw new GauzeErrors(this.#problems.toSorted((a, b) => a.context.line! - b.context.line!));
    return rules;
  }

  #rule(schema: ReturnType<typeof ruleSchema>, rule: unknown, at: number): readonly AccessRule[] {
    const parsed = schema.safeParse(rule);
    if (parsed.success) return [this.#checked(parsed.data, at)];
    for (const issue of parsed.error.issues) this.#issue(issue, ['rules', at, ...issue.path]);
    return [];
  }

  #issue(issue: z.core.$ZodIssue, path: SettingPath): void {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) this.#problem('ERR_ACCESS_SETTING_UNKNOWN', [...path, key]);
      return;
    }
    if (!this.#yaml.has(path)) return this.#problem('ERR_ACCESS_SETTING_MISSING', path);
    const code: unknown = issue.code === 'custom' ? issue.params?.['code'] : undefined;
    if (code === undefined) this.#problem('ERR_ACCESS_SETTING_WRONG', path, issue.message);
    else this.#problem(code as ErrorCode, path);
  }

  /** The rule with its contradictions told. */
  #checked(written: WrittenRule, at: number): AccessRule {
    const wrong = (setting: readonly string[], expected: string): void =>
      this.#problem('ERR_ACCESS_SETTING_WRONG', ['rules', at, ...setting], expected);
    const { stages, autoApprove, breakGlass, window, maxDuration, replay, fields = [] } = written;
    if (replay && (autoApprove || breakGlass)) wrong(['replay'], 'absent beside autoApprove or breakGlass');
    if (replay && written.fields) wrong(['fields'], 'absent where replay is true: nothing is revealed');
    if (replay && written.maxPersons)
      wrong(['maxPersons'], 'absent where replay is true: nobody is revealed');
    if (!replay && !written.fields) this.#problem('ERR_ACCESS_SETTING_MISSING', ['rules', at, 'fields']);
    if (autoApprove && stages.length > 0) wrong(['stages'], 'absent where autoApprove is true');
    if (!autoApprove && stages.length === 0)
      wrong(['stages'], 'a list of stages, each with approvers and count');
    if (autoApprove && breakGlass) wrong(['breakGlass'], 'absent where autoApprove is true');
    if (breakGlass && breakGlass.maxDuration > maxDuration)
      wrong(['breakGlass', 'maxDuration'], 'at most maxDuration of the rule');
    if (window && window.from === window.to) wrong(['window', 'to'], 'another time of day than from');
    const tags = fields.flatMap((word) => this.#words.siteTags.get(word) ?? (isTagName(word) ? word : []));
    if (autoApprove && tags.some((tag) => tag !== 'PHI_NONE'))
      this.#problem('ERR_ACCESS_AUTO_APPROVE', ['rules', at, 'fields']);
    return ruleOf(written, new Set(tags), this.#words.siteTags, this.#yaml.line(['rules', at]));
  }

  #problem(code: ErrorCode, path: SettingPath, expected?: string): void {
    this.#problems.push(this.#yaml.error(code, path, expected));
  }
}

function ruleOf(
  written: WrittenRule,
  tags: ReadonlySet<string>,
  siteTags: SiteTags,
  line: number,
): AccessRule {
  const { breakGlass, fields = [] } = written;
  return {
    name: written.name,
    topics: written.topics,
    tags,
    paths: new Set(fields.filter((word) => !isTagName(word) && !siteTags.has(word))),
    requesters: written.requesters,
    stages: written.stages.map(({ approvers, count: people }) => ({ role: approvers, count: people })),
    purposes: written.purposes,
    pendingMs: written.pendingFor,
    activationMs: written.activateWithin,
    maxDurationMs: written.maxDuration,
    maxRecords: written.maxRecords,
    maxPersons: written.maxPersons ?? null,
    window: written.window ? windowOf(written.window) : null,
    autoApprove: written.autoApprove,
    breakGlass: breakGlass
      ? {
          allowed: breakGlass.allowed,
          maxDurationMs: breakGlass.maxDuration,
          reviewMs: breakGlass.reviewWithin,
        }
      : null,
    replay: written.replay,
    line,
  };
}

function windowOf({ zone, days, from, to }: z.output<typeof windowSchema>): AccessWindow {
  const numbers = [...new Set(days.map((day) => DAYS.indexOf(day) + 1))].toSorted((a, b) => a - b);
  return { zone, days: numbers, from_minute: from, to_minute: to };
}
