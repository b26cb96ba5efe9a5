/**
 * Reads `sensitive:` of a policy: which records are sensitive by a code that they hold, and what becomes of them.
 * It must never accept a rule that says less than its writer thinks: what has no effect is a problem.
 */
import { SENSITIVE_RULES_MAX, comparedCode } from '../processors/sensitive-codes.ts';
import type { TagName } from '../schemas/tags.ts';
import type { Policy, SensitiveByValue } from './policy.ts';
import { isSensitive } from './regimes.ts';
import { methodForTag } from './tag-method.ts';

type Path = readonly PropertyKey[];
type Settings = Readonly<Record<string, unknown>>;

/** How a policy's reader takes settings apart and says what is wrong. */
export interface SettingsReader {
  settings(path: Path, written: unknown, known?: readonly string[]): Settings;
  list(path: Path, written: unknown, expected: string): readonly unknown[];
  words(path: Path, written: unknown, expected: string): string;
  tag(path: Path, word: string): TagName | null;
  wrong(path: Path, expected: string): void;
}

const SETTINGS = 'tag where codes startsWith redact ifAbsent reason'.split(' ');
/** Printable ASCII: another letter would be passed over when codes are compared. */
const CODE = /^[\x20-\x7e]*[0-9A-Za-z][\x20-\x7e]*$/;

/** The rules by topic. */
export function readSensitive(
  written: unknown,
  { topics, methods }: Pick<Policy, 'topics' | 'methods'>,
  read: SettingsReader,
): Map<string, readonly SensitiveByValue[]> {
  const byTopic = new Map<string, readonly SensitiveByValue[]>();
  for (const [topic, value] of Object.entries(read.settings(['sensitive'], written))) {
    const path = ['sensitive', topic];
    if (!topics.has(topic)) read.wrong(path, 'a topic that stands under topics:');
    const rules = read.list(path, value, 'a list of rules');
    if (rules.length > SENSITIVE_RULES_MAX) read.wrong(path, `at most ${SENSITIVE_RULES_MAX} rules`);
    byTopic.set(
      topic,
      rules.flatMap((rule, at) => readRule([...path, at], rule, methods, read) ?? []),
    );
  }
  return byTopic;
}

function readRule(
  path: Path,
  written: unknown,
  methods: Policy['methods'],
  read: SettingsReader,
): SensitiveByValue | null {
  const settings = read.settings(path, written, SETTINGS);
  const tag = read.tag([...path, 'tag'], read.words([...path, 'tag'], settings['tag'], 'a SENSITIVE_ tag'));
  const reason = read.words([...path, 'reason'], settings['reason'], 'text: why these codes');
  const where = texts(
    [...path, 'where'],
    settings['where'],
    'the path of the field that holds the code',
    read,
  );
  if (where.length === 0) read.wrong([...path, 'where'], 'the path of the field that holds the code');
  const codes = codeList([...path, 'codes'], settings['codes'], read);
  const startsWith = codeList([...path, 'startsWith'], settings['startsWith'], read);
  if (codes.length + startsWith.length === 0) read.wrong(path, 'a rule with codes: or startsWith:');
  const redact = texts([...path, 'redact'], settings['redact'], 'paths of fields to empty', read);
  const ifAbsent = settings['ifAbsent'] ?? 'hold';
  if (ifAbsent !== 'hold' && ifAbsent !== 'pass') read.wrong([...path, 'ifAbsent'], 'hold or pass');
  if (tag === null) return null;
  if (!isSensitive(tag)) read.wrong([...path, 'tag'], 'a SENSITIVE_ tag');
  else checkMethod(path, tag, methods, redact, read);
  return { tag, where, codes, startsWith, redact, ifAbsent: ifAbsent === 'pass' ? 'pass' : 'hold', reason };
}

/** What happens to such records follows the tag's method, and only two make sense for a whole record. */
function checkMethod(
  path: Path,
  tag: TagName,
  methods: Policy['methods'],
  redact: readonly string[],
  read: SettingsReader,
): void {
  const method = methodForTag({ methods }, tag)?.method;
  if (method !== 'drop' && method !== 'redact')
    read.wrong(['methods', tag], 'drop or redact where a rule under sensitive: gives this tag');
  if (method === 'redact' && redact.length === 0)
    read.wrong([...path, 'redact'], `the fields to empty, since methods: says redact for ${tag}`);
  if (method === 'drop' && redact.length > 0)
    read.wrong([...path, 'redact'], `left out, or methods: must say redact for ${tag}`);
}

function codeList(path: Path, written: unknown, read: SettingsReader): readonly string[] {
  const codes = texts(path, written, 'codes as text in quotes', read);
  codes.forEach((code, at) => {
    if (!CODE.test(code)) read.wrong([...path, at], 'a code of ASCII letters and digits');
  });
  return [...new Set(codes.map(comparedCode))].sort();
}

/** One text or a list of them; none where nothing is written. */
function texts(path: Path, written: unknown, expected: string, read: SettingsReader): readonly string[] {
  if (written === undefined) return [];
  if (typeof written === 'string') return [read.words(path, written, expected)];
  return read.list(path, written, expected).map((item, at) => read.words([...path, at], item, expected));
}
