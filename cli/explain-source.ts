/**
 * What `gauze explain` reads: config, policies, and the schemas of topics from files, or else from the registry; with
 * `--in-force` also the policy log, so that plans are those that lanes work by. It changes nothing and reads no key.
 */
import { readFile } from 'node:fs/promises';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import type { ErrorContext } from '../platform/errors.ts';
import { nearestOf } from '../platform/suggestion.ts';
import { nowMs } from '../platform/clock.ts';
import { readPolicies } from '../policy/load-policies.ts';
import { parsePolicy } from '../policy/policy-file.ts';
import type { PolicyState } from '../policy/policy-log.ts';
import type { Policy } from '../policy/policy.ts';
import { tagsOfSubject } from '../policy/subject-tags.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import { pathTags, tagsInForce, unionTags } from '../schemas/tags.ts';
import type { Leaf, PathTags, SiteTags, TagSources } from '../schemas/tags.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import { topicsOf } from './check-site.ts';
import { withPolicyLog } from './policy-log-access.ts';
import { Site } from './site.ts';

export interface ExplainOptions {
  readonly config: string;
  readonly json: boolean;
  /** `file.avsc` or `topic=file.avsc`; with any, no registry is asked. */
  readonly schema: readonly string[];
  /** Policies and tags as the policy log has them, not as the files say. */
  readonly inForce: boolean;
  /** `YYYY-MM-DD`; today where absent. */
  readonly asOf?: string;
}

/** A policy and what else its plans depend on. */
export interface PolicyToExplain {
  readonly policy: Policy;
  readonly version: number;
  /** Days since 1970-01-01. */
  readonly asOfDay: number;
}

/** A topic with its newest schema; tags are those of all versions. */
export interface TopicToExplain {
  readonly topic: string;
  /** `patient.avsc`, or `version 3 in the registry`. */
  readonly source: string;
  readonly schemaId: number;
  readonly schema: AvroType;
  readonly siteTags: SiteTags;
  readonly metadata: TagSources['metadata'];
  /** In force: of all versions, and with `--in-force` those that the log has kept. */
  readonly tags: PathTags;
  readonly leaves: readonly Leaf[];
}

export interface ExplainSource {
  readonly policies: readonly PolicyToExplain[];
  readonly topics: readonly TopicToExplain[];
  /** What is in force, where the log was read. */
  readonly state: PolicyState | null;
  /** What could not be read; the rest is explained all the same. */
  readonly problems: readonly GauzeError[];
}

/** One schema of a topic. */
interface Version {
  readonly source: string;
  readonly id: number;
  readonly schema: AvroType;
  readonly metadata: TagSources['metadata'];
}

const MS_PER_DAY = 86_400_000;
const PATIENCE = { attempts: 1, requestTimeoutMs: 3_000 } as const;

/**
 * Reads for `topic`, or for all topics that policies cover.
 * @throws GauzeErrors of the config, ERR_USAGE_ARGUMENT for a topic that no policy covers, the registry's and Kafka's
 */
export async function readExplainSource(
  topic: string | null,
  options: ExplainOptions,
): Promise<ExplainSource> {
  // A schema from a file and policies from files: nothing is connected to.
  const isOffline = options.schema.length > 0 && !options.inForce;
  const site = await Site.load(options.config, isOffline ? 'offline' : 'connects');
  const asOfDay = dayOf(options.asOf);
  const state = options.inForce ? await stateOf(site) : null;
  const { policies, problems } = await policiesOf(site, state, asOfDay);
  const covered = topicsOf(policies.map(({ policy }) => policy));
  const wanted = topic === null ? covered : covered.filter((each) => each === topic);
  if (wanted.length === 0 && problems.length === 0)
    throw usage(
      'topic',
      `a raw topic that a policy covers: ${covered.join(', ')}`,
      nearestOf(topic ?? '', covered),
    );
  const found = await Promise.all(
    wanted.map(async (each) => await topicToExplain(each, topic !== null, site, state, options)),
  );
  return {
    policies,
    state,
    topics: found.flatMap((each) => (Array.isArray(each) ? [] : each)),
    problems: [...problems, ...found.flatMap((each) => (Array.isArray(each) ? each : []))],
  };
}

/** The policy log as it is. */
export async function stateOf(site: Site): Promise<PolicyState> {
  return await withPolicyLog(site, 'topology', async (read) => await read());
}

/** @throws GauzeError ERR_USAGE_ARGUMENT */
export function usage(setting: string, expected: string, more: ErrorContext = {}): GauzeError {
  return new GauzeError('ERR_USAGE_ARGUMENT', { setting, expected, ...more });
}

function dayOf(text: string | undefined): number {
  if (text === undefined) return Math.floor(nowMs() / MS_PER_DAY);
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  if (Number.isNaN(ms)) throw usage('--as-of', 'a day such as 2026-01-31');
  return ms / MS_PER_DAY;
}

async function policiesOf(
  site: Site,
  state: PolicyState | null,
  asOfDay: number,
): Promise<{ policies: PolicyToExplain[]; problems: readonly GauzeError[] }> {
  if (state === null) {
    const { policies, problems } = await readPolicies(site.config.policies);
    return { policies: policies.map((policy) => ({ policy, version: 1, asOfDay })), problems };
  }
  const applied = [...state.policies.values()].toSorted((a, b) => (a.audience < b.audience ? -1 : 1));
  const policies = applied.map(({ audience, text, version, asOfDay: day }) => {
    return { policy: parsePolicy(text, `${audience}.yaml`), version, asOfDay: day };
  });
  return { policies, problems: [] };
}

/** The topic, or what is wrong with its schemas. Outages are thrown. */
async function topicToExplain(
  topic: string,
  isAlone: boolean,
  site: Site,
  state: PolicyState | null,
  { schema: files }: ExplainOptions,
): Promise<TopicToExplain | GauzeError[]> {
  const subject = valueSubject(topic);
  try {
    const versions =
      files.length > 0
        ? await versionsOfFiles(topic, files, isAlone)
        : await versionsOfRegistry(site, subject);
    const newest = versions.at(-1);
    if (!newest) return [new GauzeError('ERR_REGISTRY_ANSWER', { subject, status: 404 })];
    const sources = (metadata: TagSources['metadata']): TagSources => ({
      site: site.siteTags,
      subject,
      ...(metadata ? { metadata } : {}),
    });
    const each = versions.map(({ schema, metadata }) => pathTags(schema, sources(metadata)));
    const own = { subject, versions: [], tags: unionTags(each), newest: each.at(-1)! };
    const tags = tagsOfSubject(own, state);
    const leaves = tagsInForce(newest.schema, tags, sources(newest.metadata));
    const { id: schemaId, schema, source, metadata } = newest;
    return { topic, source, schemaId, schema, metadata, siteTags: site.siteTags, tags, leaves };
  } catch (error) {
    if (error instanceof GauzeErrors) return [...error.errors];
    throw error;
  }
}

async function versionsOfFiles(
  topic: string,
  files: readonly string[],
  isAlone: boolean,
): Promise<readonly Version[]> {
  const named = files.map((each) => /^(?:([A-Za-z0-9._-]+)=)?(.*)$/s.exec(each)!);
  if (!isAlone && named.some(([, of]) => of === undefined))
    throw usage('--schema', 'topic=file.avsc where no topic is named');
  const own = named.filter(([, of]) => of === undefined || of === topic);
  return await Promise.all(
    own.map(async ([, , file = '']) => {
      const text = await readFile(file, 'utf8').catch(() => {
        throw new GauzeErrors([new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file })]);
      });
      return { source: file, id: 0, schema: parseAvroSchema(text, [], { file }), metadata: undefined };
    }),
  );
}

async function versionsOfRegistry(site: Site, subject: string): Promise<readonly Version[]> {
  const registry = await site.registry(PATIENCE);
  const versions = await registry.subjectVersions(subject);
  return versions.map(({ id, version, text, references, metadata }) => ({
    source: `version ${version} in the registry`,
    id,
    schema: parseAvroSchema(text, references, { subject }),
    metadata,
  }));
}
