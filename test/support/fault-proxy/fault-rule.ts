/**
 * What a fault proxy shall do, and when: the n-th request of a kind, and where on its way. Counts over all
 * connections from the moment the rule is set, so that the same life of an instance meets the same fault again.
 */

/**
 * `before-request`: cut before a byte of it is passed on; `lose-request`: likewise, but only when all before it has been
 * answered; `within-request`: cut after some of its bytes;
 * `after-request`: cut right after its last byte, whatever the broker does with it;
 * `drop-answer`: the broker has done it, the answer is thrown away, then cut; `within-answer`: cut after some bytes of
 * the answer; `after-answer`: the answer arrives whole, then cut; `silence`: the broker has done it, and nothing comes
 * over this connection ever again; `delay-request`, `delay-answer`: passed on late; `refuse-request`, for TxnOffsetCommit
 * alone: passed on as a request of a member that the group does not know, so that the broker refuses just that.
 */
export const PLACES = [
  'before-request',
  'lose-request',
  'within-request',
  'after-request',
  'drop-answer',
  'within-answer',
  'after-answer',
  'silence',
  'delay-request',
  'delay-answer',
  'refuse-request',
] as const;
export type Place = (typeof PLACES)[number];

export interface FaultRule {
  readonly apiKey: number;
  /** Counted from 1. */
  readonly nth: number;
  readonly place: Place;
  /** For `within-...`: how many bytes pass, the length included; default: half of them. */
  readonly bytes?: number;
  /** For `delay-...`. */
  readonly delayMs?: number;
}

/** That a fault has happened, and to which request. */
export interface FiredFault {
  readonly rule: FaultRule;
  /** Version of the request, and the connection it came over, counted from 0. */
  readonly version: number;
  readonly connection: number;
  /** Bytes that passed of what was cut; all of them where it was not cut within. */
  readonly passedBytes: number;
}

/** Names of the requests that gauze and kafkajs send: https://kafka.apache.org/protocol#protocol_api_keys */
export const API_KEYS = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetFetch: 9,
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  SaslHandshake: 17,
  ApiVersions: 18,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
  DescribeConfigs: 32,
  SaslAuthenticate: 36,
} as const;
export type ApiName = keyof typeof API_KEYS;

/** Counts requests by kind, and says which one the rule is about. */
export class FaultCounter {
  readonly rule: FaultRule | null;
  readonly #seen = new Map<number, number>();

  constructor(rule: FaultRule | null) {
    this.rule = rule;
  }

  /** How many requests of a kind have come. */
  seen(apiKey: number): number {
    return this.#seen.get(apiKey) ?? 0;
  }

  /** All kinds that have come. */
  get kinds(): readonly number[] {
    return [...this.#seen.keys()].sort((one, other) => one - other);
  }

  /** Counts a request; gives the rule where this is the one. */
  count(apiKey: number): FaultRule | null {
    const nth = this.seen(apiKey) + 1;
    this.#seen.set(apiKey, nth);
    return this.rule?.apiKey === apiKey && this.rule.nth === nth ? this.rule : null;
  }
}

/** How many bytes of a frame pass where it is cut within: never none, never all. */
export function bytesBeforeCut(rule: FaultRule, frameBytes: number): number {
  return Math.max(1, Math.min(frameBytes - 1, rule.bytes ?? Math.floor(frameBytes / 2)));
}
