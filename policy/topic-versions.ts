/**
 * Versions of sanitized topics as the policies in force have raised them, one after the other. A version is never taken
 * back: readers of a later one have been promised it, and lanes have left the one before for good. Pure.
 */
import type { Policy } from './policy.ts';

/** The version of one sanitized topic. */
export interface TopicVersion {
  readonly version: number;
  /** Where in the policy log the policy stands that made it this version. */
  readonly logOffset: number;
  /** Where lanes begin to fill it when they come from the version before. */
  readonly from: 'EARLIEST' | 'COMMITTED';
}

/** By raw topic, for one audience. */
export type TopicVersions = ReadonlyMap<string, TopicVersion>;

/** Raw topics whose version `policy` would take back; none where it may come into force. */
export function versionsTakenBack(policy: Policy, versions: TopicVersions): readonly string[] {
  return [...policy.topics]
    .filter(([topic, { version }]) => version < (versions.get(topic)?.version ?? 0))
    .map(([topic]) => topic);
}

/** The topics that `policy` gives a new version while they have one. */
export function raisedVersions(policy: Policy, versions: TopicVersions): TopicVersions {
  const raised = [...policy.topics].filter(
    ([topic, { version }]) => version > (versions.get(topic)?.version ?? version),
  );
  return new Map(raised.map(([topic, { version, from }]) => [topic, standing(version, from, -1)]));
}

/** The versions once `policy`, which stands at `logOffset`, is in force too. */
export function withPolicy(versions: TopicVersions, policy: Policy, logOffset: number): TopicVersions {
  const all = new Map(versions);
  for (const [topic, { version, from }] of policy.topics)
    if (version > (versions.get(topic)?.version ?? 0)) all.set(topic, standing(version, from, logOffset));
  return all;
}

function standing(version: number, from: 'earliest' | 'committed', logOffset: number): TopicVersion {
  return { version, logOffset, from: from === 'earliest' ? 'EARLIEST' : 'COMMITTED' };
}
