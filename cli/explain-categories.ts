/**
 * `gauze explain --regime`: the eighteen identifiers of 45 CFR 164.514(b)(2)(i), the fields of a topic that fall in
 * each, and what audiences get of them; then what the list does not have. By tags, so it can only know what was tagged.
 */
import { SAFE_HARBOR_LIST, tagsOfLetter } from '../policy/safe-harbor-list.ts';
import { TAGS } from '../schemas/tags.ts';
import type { TagName } from '../schemas/tags.ts';
import type { Explanation } from './explanation.ts';
import { titleLines } from './explain-view.ts';
import { styled } from './terminal.ts';
import { wrap } from './wrapped-table.ts';

export interface CategoryField {
  readonly path: string;
  readonly tags: readonly TagName[];
  /** Method by audience, in words. */
  readonly methods: Readonly<Record<string, string>>;
}

export interface Category {
  /** `A` to `R`; null for what is not on the list. */
  readonly letter: string | null;
  readonly title: string;
  readonly mayStay: string;
  readonly fields: readonly CategoryField[];
}

/** What tags without a letter are, in the order of telling. */
const OTHERS: readonly { readonly title: string; readonly isOf: (tag: TagName) => boolean }[] = [
  { title: 'Free text', isOf: (tag) => tag === 'PHI_FREE_TEXT' },
  { title: 'Sensitive records', isOf: (tag) => tag.startsWith('SENSITIVE_') },
  { title: 'Providers', isOf: (tag) => tag.startsWith('PROVIDER_') },
];

/** A field with several tags stands under each of them. */
export function categoriesOf(explanation: Explanation): readonly Category[] {
  const fields = fieldsOf(explanation);
  const having = (isOf: (tag: TagName) => boolean): CategoryField[] =>
    fields.filter(({ tags }) => tags.some(isOf));
  const listed = SAFE_HARBOR_LIST.map(({ letter, title, mayStay }) => {
    const tags = new Set(tagsOfLetter(letter));
    return { letter, title, mayStay, fields: having((tag) => tags.has(tag)) };
  });
  const others = OTHERS.map(({ title, isOf }) => ({
    letter: null,
    title,
    mayStay: '',
    fields: having(isOf),
  }));
  const isPlain = (tag: TagName): boolean => TAGS[tag].letter === null && tag === 'PHI_NONE';
  return [
    ...listed,
    ...others,
    category(
      'Reviewed, and not PHI',
      fields.filter(({ tags }) => tags.length > 0 && tags.every(isPlain)),
    ),
    category(
      'No tag',
      fields.filter(({ tags }) => tags.length === 0),
    ),
  ];
}

/** Lines for people. */
export function categoryLines(explanation: Explanation, width: number): readonly string[] {
  const { topic, audiences } = explanation;
  const names = audiences.map(({ policy: { policy } }) => `${policy.audience} (${policy.regime})`);
  const headers = audiences.flatMap(({ policy, headers: kept }) =>
    [...kept.keys()].map((name) => `${name} by ${policy.policy.audience}`),
  );
  return [
    ...titleLines(topic, width),
    ...wrap(`By tags, for ${names.join(', ')}.`, width),
    '',
    ...categoriesOf(explanation).flatMap((each) => linesOf(each, width)),
    ...wrap(headers.length === 0 ? 'No header is kept.' : `Kept headers: ${headers.join(', ')}.`, width),
  ];
}

function category(title: string, fields: readonly CategoryField[]): Category {
  return { letter: null, title, mayStay: '', fields };
}

function fieldsOf({ fields, audiences }: Explanation): readonly CategoryField[] {
  const own = fields.map(({ path, tags }) => ({
    path,
    tags,
    methods: Object.fromEntries(
      audiences.map((each) => [each.policy.policy.audience, each.fields.get(path)!.method]),
    ),
  }));
  // Audiences may see the key differently: once for each tag it is given.
  const keyTags = [...new Set(audiences.map(({ key }) => key.tag))];
  const keys = keyTags.map((tag) => ({
    path: '(record key)',
    tags: tag === null ? [] : [tag],
    methods: Object.fromEntries(
      audiences
        .filter(({ key }) => key.tag === tag)
        .map(({ policy, key }) => [policy.policy.audience, key.method]),
    ),
  }));
  return [...own, ...keys];
}

function linesOf({ letter, title, mayStay, fields }: Category, width: number): string[] {
  const head = letter === null ? title : `${letter}. ${title}`;
  const rest = mayStay === '' ? '' : `, may stay: ${mayStay}`;
  if (fields.length === 0) return wrap(`${head}: no field`, width).map((line) => styled('dim', line));
  const alike = new Map<string, string[]>();
  for (const { path, methods } of fields) {
    const words = Object.entries(methods).map(([audience, method]) => `${audience} ${method}`);
    alike.set(words.join(', '), [...(alike.get(words.join(', ')) ?? []), path === '' ? '(value)' : path]);
  }
  return [
    ...wrap(head + rest, width).map((line) => styled('bold', line)),
    ...[...alike].flatMap(([methods, paths]) =>
      wrap(`${paths.join(', ')}: ${methods}`, Math.max(1, width - 3)).map((line) => `   ${line}`),
    ),
  ];
}
