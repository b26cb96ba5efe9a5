/**
 * Turns what kafkajs throws into errors of ours.
 * Of the foreign error only its class, error number and broker address are read, never its message.
 */
import { GauzeError, foreignName } from '../platform/errors.ts';
import type { ErrorContext } from '../platform/errors.ts';
import { kafkaError } from './kafka-errors.ts';
import { parseAddress } from './login.ts';

/** Properties that errors of kafkajs may have. */
interface KafkaJsError {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly broker?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
  readonly groups?: unknown;
}

/** Milliseconds after which kafkajs gives a request up (kafkajs-client.ts). */
const REQUEST_LIMIT_MS = 30_000;

/** Error number of the protocol for what kafkajs tells by a class of its own. */
const COORDINATOR_NOT_AVAILABLE = 15;

/** The GauzeError for anything that a call of kafkajs threw; `login` is named where it was refused. */
export function ownKafkaJsError(thrown: unknown, context: ErrorContext & { apiName: string }): GauzeError {
  if (thrown instanceof GauzeError) return thrown;
  const error = innermost(thrown);
  const place = typeof error.broker === 'string' ? (parseAddress(error.broker) ?? {}) : {};
  const full = { ...context, ...place, causeName: foreignName(error) };
  switch (error.name) {
    case 'KafkaJSSASLAuthenticationError':
      return new GauzeError('ERR_KAFKA_AUTHENTICATION', full);
    case 'KafkaJSConnectionError':
      return new GauzeError('ERR_KAFKA_CONNECT', full);
    case 'KafkaJSConnectionClosedError':
      return new GauzeError('ERR_KAFKA_CONNECTION_LOST', full);
    case 'KafkaJSRequestTimeoutError':
      return new GauzeError('ERR_KAFKA_REQUEST_TIMEOUT', { ...full, limit: REQUEST_LIMIT_MS });
    case 'KafkaJSGroupCoordinatorNotFound':
      return kafkaError(context.apiName, COORDINATOR_NOT_AVAILABLE, full);
  }
  if (typeof error.code === 'number') return kafkaError(context.apiName, error.code, full);
  return new GauzeError('ERR_INTERNAL', full);
}

/** The error that started it: kafkajs wraps errors in "retries exceeded" and in lists. */
function innermost(thrown: unknown): KafkaJsError {
  let error = (thrown ?? {}) as KafkaJsError;
  for (let depth = 0; depth < 5; depth++) {
    const inner = firstOf(error.errors) ?? firstOf(error.groups) ?? error.cause;
    if (typeof inner !== 'object' || inner === null) break;
    error = inner;
  }
  return error;
}

function firstOf(list: unknown): unknown {
  return Array.isArray(list) ? ((list[0] as { error?: unknown } | undefined)?.error ?? list[0]) : undefined;
}
