/**
 * Reads `topics:` of a policy: raw topics with the tag of their record keys, the headers that pass, and what becomes of
 * the sanitized topic. A header without a reason, and a name that Kafka would not take, are problems.
 */
import type { ErrorCode, ErrorContext } from '../platform/errors.ts';
import type { TagName } from '../schemas/tags.ts';
import { sanitizedTopic } from '../schemas/topic-names.ts';
import type { TopicPolicy } from './policy.ts';
import type { SettingsReader } from './sensitive-file.ts';

type Path = readonly PropertyKey[];

/** What reading topics needs beside. */
export interface TopicsReader extends SettingsReader {
  choice<T extends string | boolean>(path: Path, written: unknown, choices: readonly T[]): T | null;
  problem(code: ErrorCode, path: Path, context: ErrorContext): void;
}

const TOPIC = /^[A-Za-z0-9._-]+$/;
/** Kafka's limit for the name of a topic. */
const TOPIC_LENGTH_LIMIT = 249;
const TOPIC_VERSION_LIMIT = 999;
/** Settings of one topic of a policy. */
export const TOPIC_SETTINGS: readonly string[] = ['key', 'headers', 'version', 'from', 'compact'];
const FILLS = ['earliest', 'committed'] as const;

/** The topics of an audience. */
export function readTopics(written: unknown, audience: string, read: TopicsReader): Map<string, TopicPolicy> {
  const entries = Object.entries(read.settings(['topics'], written));
  if (entries.length === 0) read.wrong(['topics'], 'the raw topics that this audience gets');
  return new Map(
    entries.map(([topic, value]) => {
      const path = ['topics', topic];
      const settings = read.settings(path, value ?? {}, TOPIC_SETTINGS);
      const version = topicVersion([...path, 'version'], settings['version'] ?? 1, read);
      if (!TOPIC.test(topic) || sanitizedTopic(topic, audience, version).length > TOPIC_LENGTH_LIMIT)
        read.wrong(path, `a topic name, at most ${TOPIC_LENGTH_LIMIT} characters with .for-<audience>`);
      const headers = readHeaders(topic, settings['headers'], read);
      const compact = read.choice([...path, 'compact'], settings['compact'] ?? false, [true, false]);
      const from = read.choice([...path, 'from'], settings['from'] ?? 'earliest', FILLS) ?? 'earliest';
      const keyTag = readKeyTag(path, settings['key'], read);
      return [topic, { keyTag, headers, version, from, compact: compact === true }];
    }),
  );
}

function topicVersion(path: Path, written: unknown, read: TopicsReader): number {
  if (Number.isInteger(written) && Number(written) >= 1 && Number(written) <= TOPIC_VERSION_LIMIT)
    return Number(written);
  read.wrong(path, `a number from 1 to ${TOPIC_VERSION_LIMIT}`);
  return 1;
}

function readKeyTag(topic: Path, written: unknown, read: TopicsReader): TagName | null {
  if (written === undefined) return null;
  const path = [...topic, 'key'];
  const { tag } = read.settings(path, written, ['tag']);
  return read.tag([...path, 'tag'], read.words([...path, 'tag'], tag, 'the tag of the record key'));
}

function readHeaders(topic: string, written: unknown, read: TopicsReader): Map<string, string> {
  const path = ['topics', topic, 'headers'];
  return new Map(
    Object.entries(read.settings(path, written ?? {})).map(([name, value]) => {
      const { keep, reason } = read.settings([...path, name], value, ['keep', 'reason']);
      if (keep !== true) read.wrong([...path, name, 'keep'], 'true (a header that is not named is dropped)');
      if (typeof reason !== 'string' || reason.trim() === '')
        read.problem('ERR_POLICY_HEADER_REASON', [...path, name], { topic });
      return [name, String(reason)];
    }),
  );
}
