/**
 * What a mutation of the tamper tool is: a function that changes a log, and what its attacker has in hand.
 * New cases are made with `by`; a mutation throws where a log lacks what it needs, and never does nothing.
 */
import type { TamperLog } from './tamper-log.ts';

/**
 * storage: the broker's disks, or a copy on the way to the auditor. produce: the right to write to the topic. admin:
 * the right to alter and delete. broker: Kafka's own faults. writer: the code of a gauze process. process: a live
 * process under control. operator: stops and starts. The keys: as they say.
 */
export type Means =
  | 'storage'
  | 'produce'
  | 'admin'
  | 'broker'
  | 'writer'
  | 'process'
  | 'operator'
  | 'session key'
  | 'sealer key'
  | 'all keys of the owner';

export type Mutation = ((log: TamperLog) => void) & { readonly means: Means };

export function by(means: Means, change: (log: TamperLog) => void): Mutation {
  return Object.assign((log: TamperLog): void => change(log), { means });
}
