/**
 * What the provisioner says in gauze.access, and what it tells those who run it. Plain data: ids, codes and counts.
 */
import type { AccessEntry } from '../schemas/access-codecs.ts';
import type { GauzeError } from '../platform/errors.ts';

/** The topic as PROVISIONED reports it. */
export type MadeTopic = NonNullable<AccessEntry['topic']>;

/**
 * How what is on the cluster can differ from what grants mean. FOREIGN_RIGHT: somebody else may use the topic;
 * FOREIGN_DENIAL: a rule keeps somebody out, and stays; RIGHT_MISSING: the grantee's own rule was gone; TOPIC_MISSING,
 * TOPIC_CHANGED: there is no topic, or another one under its name; TOPIC_SETTINGS: its settings were changed;
 * TOPIC_LEFT_OVER: there is a topic that no grant means; WIDER_RIGHT: a rule lets somebody read grant topics and others.
 */
export type DriftCause =
  | 'FOREIGN_RIGHT'
  | 'FOREIGN_DENIAL'
  | 'RIGHT_MISSING'
  | 'TOPIC_MISSING'
  | 'TOPIC_CHANGED'
  | 'TOPIC_SETTINGS'
  | 'TOPIC_LEFT_OVER'
  | 'WIDER_RIGHT';

/** One entry of the access log, without what the log gives it. */
export interface ProvisionerReport {
  readonly kind: 'PROVISIONED' | 'PROVISION_FAILED' | 'REMOVED' | 'EXTERNALLY_MODIFIED';
  readonly grantId: string;
  /** A stable word: an error's code, a kind of drift, or why the grant ended. */
  readonly cause: string | null;
  readonly topic: MadeTopic | null;
  /** How many brokers have proved a removal; null where nothing was to be removed. */
  readonly brokers: number | null;
}

/** Appends a report to the access log; rejects where it is not known to be there. */
export type SendReport = (report: ProvisionerReport) => Promise<void>;

/** For logs; nothing here is needed to go on. */
export interface ProvisionerEvents {
  provisioned(grant: string): void;
  removed(grant: string): void;
  failed(grant: string, error: GauzeError): void;
  /** Something was other than it should be; `isMended` says whether it is right now. */
  drift(grant: string, cause: DriftCause, isMended: boolean): void;
  trouble(error: GauzeError): void;
}
