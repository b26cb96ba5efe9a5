/**
 * Which parts the approval service stands on are there. Answers within seconds whatever hangs, and asks the parts no
 * more often than every few seconds, however often it is asked itself.
 */
import { monotonicMs, sleep } from '../platform/clock.ts';
import type { PartState } from '../platform/status-port.ts';
import type { Readiness } from './http/health-routes.ts';

export interface ReadinessSources {
  /** Throws where the cluster does not answer. */
  readonly kafka: () => Promise<void>;
  /** How long ago the access log was read to its end. */
  readonly logAgeMs: () => number;
  readonly registry: () => Promise<void>;
  readonly identityProvider: () => Promise<void>;
  readonly isRedisUp: () => boolean;
}

const PATIENCE_MS = 2_000;
const KEPT_MS = 2_000;
/** The log is read at least every second; a state older than this may miss decisions. */
const LOG_LATE_MS = 5_000;
const LOG_GONE_MS = 30_000;

export class ReadinessProbe {
  private readonly sources: ReadinessSources;
  private asked: { readonly atMs: number; readonly answer: Promise<Readiness> } | null = null;

  constructor(sources: ReadinessSources) {
    this.sources = sources;
  }

  async state(): Promise<Readiness> {
    if (!this.asked || monotonicMs() - this.asked.atMs > KEPT_MS)
      this.asked = { atMs: monotonicMs(), answer: this.ask() };
    return await this.asked.answer;
  }

  /** Without the registry nothing new can be asked, but decided; without Redis grants start and end late. */
  private async ask(): Promise<Readiness> {
    const { kafka, logAgeMs, registry, identityProvider, isRedisUp } = this.sources;
    const [isKafka, isRegistry, isProvider] = await Promise.all(
      [kafka, registry, identityProvider].map(async (check) => await answers(check)),
    );
    return {
      kafka: isKafka ? 'ok' : 'missing',
      log: logState(logAgeMs()),
      registry: isRegistry ? 'ok' : 'degraded',
      identityProvider: isProvider ? 'ok' : 'missing',
      redis: isRedisUp() ? 'ok' : 'degraded',
    };
  }
}

/** How a follower of the access log stands that has read it to its end so long ago. */
export function logState(ageMs: number): PartState {
  if (ageMs < LOG_LATE_MS) return 'ok';
  return ageMs < LOG_GONE_MS ? 'degraded' : 'missing';
}

async function answers(check: () => Promise<void>): Promise<boolean> {
  const late = new AbortController();
  try {
    const done = check().then(() => true);
    return await Promise.race([done, sleep(PATIENCE_MS, late.signal).then(() => false)]);
  } catch {
    return false;
  } finally {
    late.abort();
  }
}
