/**
 * The error numbers of the Kafka protocol that gauze meets, and what each means for a request of ours.
 * https://kafka.apache.org/protocol#protocol_error_codes
 */
import { GauzeError } from '../platform/errors.ts';
import type { ErrorContext } from '../platform/errors.ts';

/**
 * `retry`: the same request again after a moment; `metadata`: look up leaders first;
 * `coordinator`: look up the coordinator first; `fenced`: somebody newer has taken over;
 * `right`: an ACL is missing; `missing`: topic or partition is not there (any more);
 * `fatal`: none of these.
 */
export type KafkaErrorClass = 'retry' | 'metadata' | 'coordinator' | 'fenced' | 'right' | 'missing' | 'fatal';

const KNOWN: Readonly<Record<number, readonly [name: string, cls: KafkaErrorClass]>> = {
  1: ['OFFSET_OUT_OF_RANGE', 'fatal'],
  2: ['CORRUPT_MESSAGE', 'fatal'],
  3: ['UNKNOWN_TOPIC_OR_PARTITION', 'missing'],
  5: ['LEADER_NOT_AVAILABLE', 'metadata'],
  6: ['NOT_LEADER_OR_FOLLOWER', 'metadata'],
  7: ['REQUEST_TIMED_OUT', 'retry'],
  8: ['BROKER_NOT_AVAILABLE', 'metadata'],
  9: ['REPLICA_NOT_AVAILABLE', 'metadata'],
  10: ['MESSAGE_TOO_LARGE', 'fatal'],
  12: ['OFFSET_METADATA_TOO_LARGE', 'fatal'],
  13: ['NETWORK_EXCEPTION', 'retry'],
  14: ['COORDINATOR_LOAD_IN_PROGRESS', 'coordinator'],
  15: ['COORDINATOR_NOT_AVAILABLE', 'coordinator'],
  16: ['NOT_COORDINATOR', 'coordinator'],
  18: ['RECORD_LIST_TOO_LARGE', 'fatal'],
  19: ['NOT_ENOUGH_REPLICAS', 'retry'],
  20: ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'retry'],
  22: ['ILLEGAL_GENERATION', 'fatal'],
  23: ['INCONSISTENT_GROUP_PROTOCOL', 'fatal'],
  25: ['UNKNOWN_MEMBER_ID', 'fatal'],
  26: ['INVALID_SESSION_TIMEOUT', 'fatal'],
  27: ['REBALANCE_IN_PROGRESS', 'fatal'],
  29: ['TOPIC_AUTHORIZATION_FAILED', 'right'],
  30: ['GROUP_AUTHORIZATION_FAILED', 'right'],
  31: ['CLUSTER_AUTHORIZATION_FAILED', 'right'],
  35: ['UNSUPPORTED_VERSION', 'fatal'],
  45: ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'fatal'],
  46: ['DUPLICATE_SEQUENCE_NUMBER', 'fatal'],
  47: ['INVALID_PRODUCER_EPOCH', 'fenced'],
  48: ['INVALID_TXN_STATE', 'fatal'],
  49: ['INVALID_PRODUCER_ID_MAPPING', 'fenced'],
  51: ['CONCURRENT_TRANSACTIONS', 'retry'],
  53: ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'right'],
  56: ['KAFKA_STORAGE_ERROR', 'metadata'],
  59: ['UNKNOWN_PRODUCER_ID', 'fatal'],
  74: ['FENCED_LEADER_EPOCH', 'metadata'],
  75: ['UNKNOWN_LEADER_EPOCH', 'metadata'],
  78: ['OFFSET_NOT_AVAILABLE', 'retry'],
  79: ['MEMBER_ID_REQUIRED', 'fatal'],
  81: ['GROUP_MAX_SIZE_REACHED', 'fatal'],
  82: ['FENCED_INSTANCE_ID', 'fenced'],
  87: ['INVALID_RECORD', 'fatal'],
  88: ['UNSTABLE_OFFSET_COMMIT', 'retry'],
  90: ['PRODUCER_FENCED', 'fenced'],
  100: ['UNKNOWN_TOPIC_ID', 'missing'],
  103: ['INCONSISTENT_TOPIC_ID', 'missing'],
  120: ['TRANSACTION_ABORTABLE', 'fatal'],
};

/** The protocol's name of an error number. */
export function kafkaErrorName(code: number): string {
  return KNOWN[code]?.[0] ?? 'UNKNOWN';
}

/** What the number asks of us; an unknown one is `fatal`. */
export function kafkaErrorClass(code: number): KafkaErrorClass {
  return KNOWN[code]?.[1] ?? 'fatal';
}

/** The error of ours for an answer with `code`; rights and missing topics become holds. */
export function kafkaError(apiName: string, code: number, context: ErrorContext = {}): GauzeError {
  const full: ErrorContext = { ...context, apiName, kafkaError: code, kafkaErrorName: kafkaErrorName(code) };
  switch (kafkaErrorClass(code)) {
    case 'right':
      return new GauzeError('ERR_KAFKA_RIGHT_MISSING', full);
    case 'missing':
      return new GauzeError('ERR_KAFKA_TOPIC_MISSING', full);
    case 'fenced':
      return new GauzeError('ERR_KAFKA_FENCED', full);
    default:
      return new GauzeError('ERR_KAFKA_ANSWER', full);
  }
}
