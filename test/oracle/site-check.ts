/**
 * The oracle on a test site: what every fault run asks at its end. It must be asked of a site that has caught up.
 */
import type { ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import { sanitizedTopic } from '../../schemas/topic-names.ts';
import type { Canary } from '../support/canaries.ts';
import { allowedSightings, policiesOf } from '../support/canary-sweep.ts';
import { testStack } from '../support/stack.ts';
import { AUDIENCES } from '../support/test-site.ts';
import type { TestSite } from '../support/test-site.ts';
import type { OracleCanary } from './canary-check.ts';
import { checkTopology } from './check-topology.ts';
import type { LiveTopology, TopologyVerdict } from './check-topology.ts';

/** Judges everything that the site's instances have written; `stack`: another one than the shared stack. */
export async function checkSite(
  site: TestSite,
  more: Partial<Pick<LiveTopology, 'stack' | 'canaries' | 'aliasFile' | 'largeBytes'>> = {},
): Promise<TopologyVerdict> {
  const topics = site.topics.map((topic) => site.raw(topic));
  const { namespace: prefix, keyringFile } = site;
  return await checkTopology({ stack: testStack(), prefix, topics, keyringFile, ...more });
}

/** Canaries of a flock (canaries.ts) that went into the site's raw topics, with the topics whose plans keep them. */
export async function siteCanaries(
  site: TestSite,
  canaries: readonly Canary[],
  schemas: ReadonlyMap<ClinicalTopic, string>,
): Promise<readonly OracleCanary[]> {
  const allowed = new Set(allowedSightings(site, canaries, await policiesOf(site), schemas));
  return canaries.map(({ name, topic, value, leaf }) => {
    const isIn = (target: string): boolean =>
      ['values', 'keys', 'headers'].some((part) => allowed.has(`${name} in ${part} of ${target}`));
    const audiences = AUDIENCES.filter((audience) => isIn(sanitizedTopic(topic, audience)));
    return { name, value, leaf, allowedIn: audiences.map((audience) => site.sanitized(topic, audience)) };
  });
}
