/**
 * Times: what a writer's clock says must be near what the broker's says, and the broker's between the seals around.
 * Clocks that are off make times unreliable, no more: order and content do not hang on them.
 */
import { placeOf } from './chain-check.ts';
import type { PlacedEvent } from './chain-check.ts';
import type { Findings } from './finding.ts';

/** A transaction takes ten seconds at most; the rest is for clocks. */
const TOLERANCE_MS = 5 * 60_000;

export class TimeCheck {
  private readonly findings: Findings;
  /** Of the last seal. */
  sealedAtMs: number | null;

  constructor(findings: Findings, sealedAtMs: number | null = null) {
    this.findings = findings;
    this.sealedAtMs = sealedAtMs;
  }

  /** `untilMs`: time of the seal that covers the event; null for the tail. */
  accept(placed: PlacedEvent, untilMs: number | null): void {
    const { appendTimeMs } = placed;
    const recordedMs = placed.event.recorded_at / 1000;
    const apartMs = Math.abs(appendTimeMs - recordedMs);
    if (apartMs > TOLERANCE_MS)
      this.findings.add('TIME_SKEW', placeOf(placed), `${Math.round(apartMs / 1000)} s apart`);
    const isLate = untilMs !== null && appendTimeMs > untilMs + TOLERANCE_MS;
    // A seal may be one round behind.
    const isEarly = this.sealedAtMs !== null && appendTimeMs < this.sealedAtMs - 2 * TOLERANCE_MS;
    if (isLate || isEarly)
      this.findings.add(
        'TIME_OUTSIDE_SEALS',
        placeOf(placed),
        isLate ? 'after its seal' : 'before the seal before',
      );
  }
}
