/**
 * What a redrive of one raw partition is made of, and what it tells: plain references and one callback.
 */
import type { RedriveFacts } from '../audit/redrive-events.ts';
import type { BrokerConnections } from '../kafka/cluster.ts';
import type { TransactionalProducer } from '../kafka/transactional-producer.ts';
import type { LaneContext } from './lane-context.ts';
import type { SessionSetup } from './lane-ledger.ts';
import type { LaterKeys } from './later-keys.ts';
import type { MaskingLane } from './masking-lane.ts';
import type { PartitionReader } from './partition-reader.ts';
import type { RedriveTurn } from './redrive-turn.ts';
import type { WantedRecords } from './wanted-offsets.ts';

export interface RedriveParts {
  readonly context: LaneContext;
  readonly kind: MaskingLane;
  readonly setup: SessionSetup;
  readonly producer: TransactionalProducer;
  readonly facts: RedriveFacts;
  readonly turn: RedriveTurn;
  readonly wanted: WantedRecords;
  /** First offset of the raw partition that is still there. */
  readonly earliest: number;
  readonly reader: PartitionReader;
  readonly connections: BrokerConnections;
  /** Where the sanitized topic is compacted; null elsewhere. */
  readonly laterKeys: LaterKeys | null;
  /** Did a person ask for records that a person had withheld? */
  readonly overridesOrders: boolean;
  readonly outcome: (outcome: RedriveOutcome, code: string, count: number) => void;
  /** Finish the transaction at hand and close. */
  readonly drain: AbortSignal;
}

/** What became of wanted records. `blocked`: cannot be decided now, and stays withheld as it was. */
export type RedriveOutcome = 'published' | 'withheld' | 'blocked' | 'superseded' | 'gone';
