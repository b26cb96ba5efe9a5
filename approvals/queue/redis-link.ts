/**
 * The connection to Redis that jobs are put in by. It never waits for Redis and never throws on its own: where
 * Redis is away, calls are refused at once, and what it says of its errors never reaches a log.
 */
import { Redis } from 'ioredis';
import { GauzeError, foreignName } from '../../platform/errors.ts';

export interface RedisSettings {
  /** redis: or rediss:, with user and password where they stand in it. */
  readonly url: string;
  readonly password?: string;
}

export interface RedisLinkOptions extends RedisSettings {
  readonly onLost?: (error: GauzeError) => void;
  readonly onReady?: () => void;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** How long the other side may take to close its half. */
const DISCONNECT_TIMEOUT_MS = 500;
const COMMAND_TIMEOUT_MS = 5_000;
const LONGEST_PAUSE_MS = 2_000;

export class RedisLink {
  readonly client: Redis;
  private lastCause = 'unknown';
  private isClosing = false;
  private isKnownLost = false;

  constructor(options: RedisLinkOptions) {
    this.client = new Redis(options.url, {
      ...reconnecting(options),
      maxRetriesPerRequest: null,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      commandTimeout: COMMAND_TIMEOUT_MS,
    });
    this.client.on('error', (error: unknown) => {
      this.lastCause = foreignName(error);
    });
    this.client.on('close', () => {
      if (this.isClosing || this.isKnownLost) return;
      this.isKnownLost = true;
      options.onLost?.(new GauzeError('ERR_REDIS_UNREACHABLE', { causeName: this.lastCause }));
    });
    this.client.on('ready', () => {
      this.isKnownLost = false;
      options.onReady?.();
    });
  }

  /** Whether calls have a chance. */
  get isUp(): boolean {
    return this.client.status === 'ready';
  }

  /** Runs `work`; whatever it throws becomes ERR_REDIS_UNREACHABLE. */
  async call<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    if (!this.isUp) throw new GauzeError('ERR_REDIS_UNREACHABLE', { causeName: this.lastCause });
    try {
      return await work(this.client);
    } catch (error) {
      throw new GauzeError('ERR_REDIS_UNREACHABLE', { causeName: foreignName(error) });
    }
  }

  close(): void {
    this.isClosing = true;
    this.client.disconnect();
  }
}

interface Reconnecting {
  readonly password?: string;
  readonly connectTimeout: number;
  readonly disconnectTimeout: number;
  readonly retryStrategy: (times: number) => number | null;
}

interface WorkerConnection extends Reconnecting {
  readonly url: string;
  readonly maxRetriesPerRequest: null;
}

/** Connection options of workers: they wait for Redis, with commands kept in order, until `isClosing`. */
export function workerConnection(settings: RedisSettings, isClosing: () => boolean): WorkerConnection {
  return { ...reconnecting(settings, isClosing), url: settings.url, maxRetriesPerRequest: null };
}

function reconnecting({ password }: RedisSettings, isClosing: () => boolean = () => false): Reconnecting {
  return {
    ...(password === undefined ? {} : { password }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    retryStrategy: (times) =>
      isClosing() ? null : Math.min(50 * 2 ** Math.min(times, 10), LONGEST_PAUSE_MS),
  };
}
