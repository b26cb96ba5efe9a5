/**
 * Canary records put between the others of a site while something goes on, and where the plans allow each of them.
 */
import { clinicalSchema } from '../../examples/hospital/clinical-codecs.ts';
import { registerClinicalSchemas } from '../../examples/hospital/feed.ts';
import { sanitizedTopic } from '../../schemas/topic-names.ts';
import type { OracleCanary } from '../oracle/canary-check.ts';
import { canaryFlock } from './canaries.ts';
import type { Canary } from './canaries.ts';
import { allowedSightings, policiesOf } from './canary-sweep.ts';
import { isSearchable } from './needles.ts';
import { sendRaw } from './raw-feed.ts';
import { testStack } from './stack.ts';
import { AUDIENCES } from './test-site.ts';
import type { TestSite } from './test-site.ts';

export class PlantedCanaries {
  private readonly site: TestSite;
  private readonly planted: Canary[] = [];

  constructor(site: TestSite) {
    this.site = site;
  }

  /** Sends records of each topic of the site in which every leaf, the key and every header is a canary. */
  async plant(): Promise<void> {
    const { site } = this;
    const ids = await registerClinicalSchemas(testStack().registryUrl, (topic) => site.raw(topic));
    const flock = canaryFlock(ids, { name: `flock ${this.planted.length}`, poison: false });
    const isOurs = ({ topic }: Pick<Canary, 'topic'>): boolean => site.topics.includes(topic);
    this.planted.push(...flock.canaries.filter(isOurs));
    const records = flock.records.filter(isOurs);
    await sendRaw(records.map((record) => ({ ...record, topic: site.raw(record.topic) })));
  }

  /** Those that can be told from chance, as the oracle takes them. */
  async forOracle(): Promise<readonly OracleCanary[]> {
    const { site, planted } = this;
    const schemas = new Map(site.topics.map((topic) => [topic, clinicalSchema(topic)]));
    const allowed = new Set(allowedSightings(site, planted, await policiesOf(site), schemas));
    return planted
      .filter(({ value, leaf }) => isSearchable(value, leaf))
      .map(({ name, value, leaf, topic }) => ({
        name,
        value,
        leaf,
        allowedIn: AUDIENCES.filter((audience) =>
          allowed.has(`${name} in log of ${sanitizedTopic(topic, audience)}`),
        ).map((audience) => site.sanitized(topic, audience)),
      }));
  }
}
