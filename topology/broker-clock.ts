/**
 * How late it may be by the broker's clock: a time that the broker has given, plus what has passed here since the
 * request was sent. Never earlier than the broker's own time, so nothing is done too late by it.
 */
import { sinceMs } from './moment.ts';
import type { Moment } from './moment.ts';

export class BrokerClock {
  private brokerMs = 0;
  private sent: Moment | null = null;

  /** The broker appended at `brokerMs` what was sent at `sent` or later. Negative: it gave no time. */
  observe(brokerMs: number, sent: Moment): void {
    if (brokerMs < 0) return;
    this.brokerMs = brokerMs;
    this.sent = sent;
  }

  /** Milliseconds since the epoch, at the latest; infinite while no broker has told. */
  latestMs(): number {
    return this.sent ? this.brokerMs + sinceMs(this.sent) : Number.POSITIVE_INFINITY;
  }

  get isSet(): boolean {
    return this.sent !== null;
  }
}
