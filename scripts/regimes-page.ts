/**
 * docs/reference/regimes.md, and what docs/reference/methods.md says of regimes: both from the table that policies are
 * checked by, so that neither can say anything else.
 */
import { permitInWords } from '../policy/regime-permits.ts';
import type { Permit } from '../policy/regime-permits.ts';
import { REGIMES, REGIME_TABLE } from '../policy/regimes.ts';
import type { Allowance, Regime } from '../policy/regimes.ts';
import { SAFE_HARBOR_LIST, tagsOfLetter } from '../policy/safe-harbor-list.ts';
import { METHODS } from '../processors/method-table.ts';
import type { MethodName } from '../processors/plan.ts';
import { TAGS } from '../schemas/tags.ts';
import type { TagName } from '../schemas/tags.ts';
import { page, table } from './markdown.ts';

const REGIME_NAMES = Object.keys(REGIMES) as Regime[];
const TAG_NAMES = Object.keys(TAGS) as TagName[];
const METHOD_COUNT = Object.keys(METHODS).length;

/** All regimes: what each is, and for each tag the methods with their paragraph. */
export function renderRegimes(): string {
  const intro = [
    'Every policy names the legal regime of its audience. What a regime does not allow for a tag is refused by',
    '`gauze check`, `gauze apply` and every lane, with the paragraph. docs/regimes.md says how to choose, and what no',
    'regime can promise.',
  ].join('\n');
  const rows = REGIME_NAMES.map((regime) => {
    const { paragraph, doc, timestamps, description } = REGIMES[regime];
    const times = timestamps.map(code).join(', ');
    return [code(regime), paragraph, doc, times, description ?? ''];
  });
  const heads = ['regime', 'paragraph', 'what it is', '`timestamp:`', '`description:` has to say'];
  return page('Regimes', intro, [
    table(heads, rows),
    `## safe-harbor: the eighteen identifiers\n\n${SAFE_HARBOR_INTRO}\n\n${safeHarborList()}`,
    `## safe-harbor: other tags\n\n${tagTable('safe-harbor', (tag) => TAGS[tag].letter === null)}`,
    `## limited-data-set\n\n${LIMITED_INTRO}\n\n${tagTable('limited-data-set', () => true)}`,
    `## expert-determination\n\n${PEOPLE_INTRO}`,
    `## tpo\n\n${PEOPLE_INTRO}`,
  ]);
}

const SAFE_HARBOR_INTRO = [
  '45 CFR 164.514(b)(2)(i), of the individual and of relatives, employers and household members. A `fields:` entry',
  'with a reason changes nothing here. Record keys are held to the same table by their tag; a kept header may not be',
  'named after an identifier or a trace; no event time leaves.',
].join('\n');
const LIMITED_INTRO = [
  '45 CFR 164.514(e): all dates, ages, ZIP codes, town, State and codes that are not on the list may stay. "with a',
  'reason" is what a `fields:` entry may say besides, for one path.',
].join('\n');
const PEOPLE_INTRO =
  'Any method for any tag: people have decided, and the policy says who. Sensitive tags are dropped where the policy has no method for them, as under every regime.';

/** What each regime allows a method for, as a section of the method's docs. */
export function regimesOfMethod(method: MethodName): string {
  const rows = REGIME_NAMES.map((regime) => {
    const by = (of: (allowance: Allowance) => readonly Permit[]): string =>
      tagsInWords((tag) => of(REGIME_TABLE[regime][tag]).find((permit) => permit.method === method) ?? null);
    return [code(regime), by(({ permits }) => permits), by(({ byReason }) => byReason)];
  });
  return table(['regime', 'allowed for', 'with a reason under `fields:`'], rows);
}

/** `every tag`, `every tag but PHI_NAME`, `PHI_AGE (over: 89 or less)`. */
function tagsInWords(permitOf: (tag: TagName) => Permit | null): string {
  const allowed = TAG_NAMES.map((tag) => ({ tag, permit: permitOf(tag) }));
  const own = allowed.filter((each): each is { tag: TagName; permit: Permit } => each.permit !== null);
  const others = allowed.filter(({ permit }) => permit === null).map(({ tag }) => code(tag));
  if (own.length === 0) return '-';
  const isFree = own.every(({ permit }) => permit.parameters === '');
  if (isFree && others.length === 0) return 'every tag';
  if (isFree && others.length < own.length) return `every tag but ${others.join(', ')}`;
  return own
    .map(({ tag, permit: { parameters } }) => code(tag) + (parameters === '' ? '' : ` (${parameters})`))
    .join(', ');
}

function safeHarborList(): string {
  const rows = SAFE_HARBOR_LIST.map(({ letter, title, mayStay }) => {
    const tags = tagsOfLetter(letter);
    // Tags of one letter may be treated differently: a ZIP code and a street.
    const methods = new Map<string, TagName[]>();
    for (const tag of tags) {
      const words = permitsInWords(REGIME_TABLE['safe-harbor'][tag].permits);
      methods.set(words, [...(methods.get(words) ?? []), tag]);
    }
    const told = [...methods].map(([words, of]) =>
      methods.size === 1 ? words : `${of.map(code).join(', ')}: ${words}`,
    );
    return [letter, title, tags.map(code).join(', '), mayStay, told.join('; ')];
  });
  return table(['', 'identifier', 'tags', 'what may stay', 'methods allowed'], rows);
}

function tagTable(regime: Regime, isOf: (tag: TagName) => boolean): string {
  const rows = TAG_NAMES.filter(isOf).map((tag) => {
    const { permits, byReason, paragraph } = REGIME_TABLE[regime][tag];
    return [code(tag), permitsInWords(permits), permitsInWords(byReason), paragraph];
  });
  return table(['tag', 'methods allowed', 'with a reason', 'paragraph'], rows);
}

function permitsInWords(permits: readonly Permit[]): string {
  if (permits.length === METHOD_COUNT) return 'any';
  return permits.map((permit) => code(permitInWords(permit))).join(', ');
}

function code(text: string): string {
  return `\`${text}\``;
}
