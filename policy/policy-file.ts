/**
 * Reads policies/<audience>.yaml: every problem at once, each with file, line and what was expected.
 * It must never correct or ignore anything: an unknown setting is an error, and so is a missing one that has no
 * default. Errors name settings, never the values that examples hold.
 */
import { createHash } from 'node:crypto';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import type { ErrorCode, ErrorContext } from '../platform/errors.ts';
import { nearestOf } from '../platform/suggestion.ts';
import { YamlFile } from '../platform/yaml-file.ts';
import type { Instruction } from '../processors/plan.ts';
import { TAGS, isTagName } from '../schemas/tags.ts';
import type { TagName } from '../schemas/tags.ts';
import { readInstruction } from './instruction.ts';
import { headerProblems } from './kept-headers.ts';
import { exampleValues } from './policy-example.ts';
import { readKeyEpochs, readPersonRules } from './policy-inputs.ts';
import type { ReadPart } from './policy-inputs.ts';
import type { FieldException, Policy, PolicyExample, Reader, TopicPolicy } from './policy.ts';
import { REGIMES, regimeObjection } from './regimes.ts';
import type { Regime } from './regimes.ts';
import { readSensitive } from './sensitive-file.ts';
import { shiftObjection } from './shifted-times.ts';
import { readTopics } from './topics-file.ts';
import type { TopicsReader } from './topics-file.ts';

/** Names that gauze itself uses where an audience's name would stand (design: words). */
export const RESERVED_AUDIENCES: ReadonlySet<string> = new Set(
  'topology index grant grants access policies audit withheld approvals provisioner sealer admin dictionary'.split(
    ' ',
  ),
);
/** Form of an audience's name. */
export const AUDIENCE = /^[a-z][a-z0-9-]{0,30}$/;
/** A Kafka user; never all of them. */
export const PRINCIPAL = /^User:(?!\*)\S+$/;
/** Settings of a policy. */
export const POLICY_SETTINGS: readonly string[] =
  'audience regime description owner readers topics keys persons timestamp untagged methods fields sensitive examples'.split(
    ' ',
  );

const PERSONS = ['normalize', 'aliases', 'domains'];

type Path = readonly PropertyKey[];
type Settings = Readonly<Record<string, unknown>>;

/**
 * Reads the text of a policy; `file` is its name in errors.
 * @throws GauzeErrors with every problem: ERR_CONFIG_SYNTAX for what is no YAML, else ERR_POLICY_*
 */
export function parsePolicy(text: string, file: string): Policy {
  return new PolicyReader(YamlFile.parse(file, text), text, file).read();
}

class PolicyReader {
  readonly #yaml: YamlFile;
  readonly #text: string;
  readonly #file: string;
  readonly #problems: GauzeError[] = [];

  constructor(yaml: YamlFile, text: string, file: string) {
    this.#yaml = yaml;
    this.#text = text;
    this.#file = file;
  }

  read(): Policy {
    const settings = this.#settings([], this.#yaml.value(), POLICY_SETTINGS);
    const regime = this.#choice(['regime'], settings['regime'], Object.keys(REGIMES) as Regime[]);
    const audience = this.#audience(settings['audience']);
    const read = this.#reader();
    const topics = readTopics(settings['topics'], audience, read);
    const methods = this.#methods(settings['methods'], regime);
    const policy: Policy = {
      audience,
      regime: regime ?? 'safe-harbor',
      description: this.#description(settings['description'], regime),
      owner: this.#words(['owner'], settings['owner'], 'text: who answers for this policy'),
      readers: this.#readers(settings['readers']),
      topics,
      keys: this.#part('keys', settings['keys'] ?? {}, ['epoch', 'live'], readKeyEpochs),
      persons: this.#part('persons', settings['persons'] ?? {}, PERSONS, readPersonRules),
      timestamp: this.#timestamp(settings['timestamp'], regime),
      untagged: this.#choice(['untagged'], settings['untagged'] ?? 'hold', ['hold', 'drop']) ?? 'hold',
      methods,
      fields: this.#fields(settings['fields'] ?? {}, topics),
      sensitive: readSensitive(settings['sensitive'] ?? {}, { topics, methods }, read),
      examples: this.#examples(settings['examples'] ?? [], topics),
      text: this.#text,
      sha256: createHash('sha256').update(this.#text).digest('hex'),
      file: this.#file,
      lineOf: (...setting) => this.#yaml.line(setting),
    };
    const objection = shiftObjection(policy);
    if (objection) this.#wrong(['timestamp'], objection);
    if (regime) this.#problems.push(...headerProblems(policy));
    if (this.#problems.length > 0) throw new GauzeErrors(this.#problems);
    return policy;
  }

  /** For parts that are read by whoever knows them. */
  #reader(): TopicsReader {
    return {
      settings: (path, value, known) => this.#settings(path, value, known),
      list: (path, value, expected) => this.#list(path, value, expected),
      words: (path, value, expected) => this.#words(path, value, expected),
      tag: (path, word) => this.#tag(path, word),
      wrong: (path, expected) => this.#wrong(path, expected),
      choice: (path, value, choices) => this.#choice(path, value, choices),
      problem: (code, path, context) => this.#problem(code, path, context),
    };
  }

  #audience(written: unknown): string {
    const audience = this.#words(['audience'], written, 'the name of the audience');
    if (audience !== '' && (!AUDIENCE.test(audience) || RESERVED_AUDIENCES.has(audience)))
      this.#problem('ERR_POLICY_AUDIENCE_RESERVED', ['audience'], { audience });
    return audience;
  }

  #description(written: unknown, regime: Regime | null): string {
    const needed = regime === null ? null : REGIMES[regime].description;
    if (needed === null && written === undefined) return '';
    return this.#words(['description'], written, needed ?? 'text');
  }

  #readers(written: unknown): Reader[] {
    return this.#list(['readers'], written, 'a list of Kafka principals').map((item, at) => {
      const path = ['readers', at];
      const isShort = typeof item === 'string';
      const settings = isShort ? { principal: item } : this.#settings(path, item, ['principal', 'reason']);
      const principal = settings['principal'];
      if (typeof principal !== 'string' || !PRINCIPAL.test(principal))
        this.#wrong(isShort ? path : [...path, 'principal'], 'a Kafka principal such as User:research-app');
      const reason = settings['reason'];
      return {
        principal: String(principal),
        reason: reason === undefined ? null : this.#words([...path, 'reason'], reason, 'text: why'),
      };
    });
  }

  /** What stands in a part of its own, and is read by whoever knows it. */
  #part<T>(name: string, written: unknown, known: readonly string[], read: ReadPart<T>): T {
    const settings = this.#settings([name], written, known);
    return read(settings, (step, expected) => this.#wrong([name, step], expected));
  }

  #timestamp(written: unknown, regime: Regime | null): Policy['timestamp'] {
    const path = ['timestamp'];
    const chosen = this.#choice(path, written ?? 'append', ['append', 'keep', 'shift'] as const);
    if (chosen && regime && !(REGIMES[regime].timestamps as readonly string[]).includes(chosen))
      this.#problem('ERR_POLICY_REGIME', path, {
        regime,
        method: `timestamp: ${chosen}`,
        tag: 'PHI_DATE',
        paragraph: '45 CFR 164.514(b)(2)(i)(C)',
        expected: 'timestamp: append',
      });
    return chosen ?? 'append';
  }

  #methods(written: unknown, regime: Regime | null): Map<TagName, Instruction> {
    const methods = new Map<TagName, Instruction>();
    for (const [word, value] of Object.entries(this.#settings(['methods'], written))) {
      const path = ['methods', word];
      const tag = this.#tag(path, word);
      const instruction = this.#instruction(path, value);
      if (tag === null || instruction === null) continue;
      methods.set(tag, instruction);
      const objection = regime && regimeObjection(regime, tag, instruction, false);
      if (objection)
        this.#problem('ERR_POLICY_REGIME', path, { regime, tag, method: instruction.method, ...objection });
    }
    return methods;
  }

  #fields(
    written: unknown,
    topics: ReadonlyMap<string, TopicPolicy>,
  ): Map<string, ReadonlyMap<string, FieldException>> {
    const fields = new Map<string, ReadonlyMap<string, FieldException>>();
    for (const [topic, entries] of Object.entries(this.#settings(['fields'], written))) {
      if (!topics.has(topic)) this.#noTopic(['fields', topic], topic, topics);
      const exceptions = new Map<string, FieldException>();
      for (const [path, value] of Object.entries(this.#settings(['fields', topic], entries))) {
        const setting = ['fields', topic, path];
        const instruction = this.#instruction(setting, value, ['reason']);
        const written = isObject(value) ? value['reason'] : undefined;
        const reason = this.#words([...setting, 'reason'], written, 'text: why this field is an exception');
        if (instruction) exceptions.set(path, { instruction, reason });
      }
      fields.set(topic, exceptions);
    }
    return fields;
  }

  #examples(written: unknown, topics: ReadonlyMap<string, TopicPolicy>): PolicyExample[] {
    return this.#list(['examples'], written, 'a list of examples').map((item, at) => {
      const path = ['examples', at];
      const settings = this.#settings(path, item, ['topic', 'given', 'expect']);
      const topic = this.#words([...path, 'topic'], settings['topic'], 'a topic');
      if (topic !== '' && !topics.has(topic)) this.#noTopic([...path, 'topic'], topic, topics);
      const given = this.#settings([...path, 'given'], settings['given'] ?? {});
      const expect = this.#settings([...path, 'expect'], settings['expect']);
      const { problems, ...values } = exampleValues(given, expect);
      for (const { steps, expected } of problems) this.#wrong([...path, ...steps], expected);
      return { topic, ...values };
    });
  }

  #instruction(path: Path, written: unknown, besides: readonly string[] = []): Instruction | null {
    const read = readInstruction(written, besides);
    if ('method' in read) return read;
    for (const { code, context, step } of read)
      this.#problem(code, step === null ? path : [...path, step], {
        setting: path.map(String).join('.'),
        ...context,
      });
    return null;
  }

  #tag(path: Path, word: string): TagName | null {
    if (isTagName(word)) return word;
    if (word !== '')
      this.#problem('ERR_POLICY_TAG_UNKNOWN', path, { tag: word, ...nearestOf(word, Object.keys(TAGS)) });
    return null;
  }

  #choice<T extends string | boolean>(path: Path, written: unknown, choices: readonly T[]): T | null {
    const chosen = choices.find((choice) => choice === written);
    if (chosen === undefined) this.#wrong(path, choices.join(' or '));
    return chosen ?? null;
  }

  #words(path: Path, written: unknown, expected: string): string {
    if (typeof written === 'string' && written.trim() !== '') return written;
    this.#wrong(path, expected);
    return '';
  }

  #list(path: Path, written: unknown, expected: string): readonly unknown[] {
    if (Array.isArray(written)) return written;
    this.#wrong(path, expected);
    return [];
  }

  /** A map of settings; with `known`, any other setting is a problem. */
  #settings(path: Path, written: unknown, known?: readonly string[]): Settings {
    if (!isObject(written)) {
      this.#wrong(path, 'a map of settings');
      return {};
    }
    for (const key of Object.keys(written))
      if (known && !known.includes(key))
        this.#problem('ERR_POLICY_SETTING_UNKNOWN', [...path, key], {
          setting: [...path, key].map(String).join('.'),
          ...nearestOf(key, known),
        });
    return written;
  }

  #noTopic(path: Path, topic: string, topics: ReadonlyMap<string, TopicPolicy>): void {
    this.#wrong(path, 'a topic that stands under topics:', nearestOf(topic, topics.keys()));
  }

  #wrong(path: Path, expected: string, more: ErrorContext = {}): void {
    this.#problem('ERR_POLICY_SYNTAX', path, { setting: path.map(String).join('.'), expected, ...more });
  }

  #problem(code: ErrorCode, path: Path, context: ErrorContext): void {
    this.#problems.push(new GauzeError(code, { file: this.#file, line: this.#yaml.line(path), ...context }));
  }
}

function isObject(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
