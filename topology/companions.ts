/**
 * Keeps the lanes of one partition together: one fetch serves all of them only while none runs away. Before the shared
 * window drops what a lane near it still needs, that lane gets some time; a slow one gets a tenth of the others' time
 * at most, and only while it is near.
 */
import { monotonicMs, timer } from '../platform/clock.ts';

/** How long the window waits for lanes that still need its oldest span ... */
const WAIT_MS = 100;
/** ... and how long one that let it wait in vain is not waited for again. */
const NO_WAIT_MS = 900;

/** How long the index lane waits for a lane that notes for it whom records are about. */
const NOTES_WAIT_MS = 500;
/** Spans by which such a lane may be behind. */
const NOTES_SPANS = 8;

/** Where a lane stands. */
export interface LanePlace {
  /** Where it read last; -1 before it has. */
  position: number;
  /** Does it note for others whom records are about? */
  notes: boolean;
  /** When it was last waited for in vain, on the monotonic clock. */
  givenUpMs: number;
}

export class Companions {
  private readonly places = new Set<LanePlace>();
  private readonly waiting = new Set<() => void>();

  /** A lane that is about to read. */
  join(): LanePlace {
    const place = { position: -1, notes: false, givenUpMs: Number.NEGATIVE_INFINITY };
    this.places.add(place);
    return place;
  }

  move(place: LanePlace, position: number): void {
    place.position = position;
    this.wake();
  }

  leave(place: LanePlace): void {
    this.places.delete(place);
    this.wake();
  }

  /** Until a lane has noted whom the records of `span` are about, or none that is near will; not for long. */
  async noted({
    firstOffset,
    nextOffset,
  }: {
    readonly firstOffset: number;
    readonly nextOffset: number;
  }): Promise<void> {
    const from = firstOffset - NOTES_SPANS * (nextOffset - firstOffset);
    const deadline = monotonicMs() + NOTES_WAIT_MS;
    for (;;) {
      const places = [...this.places].filter(({ notes }) => notes);
      if (places.some(({ position }) => position >= nextOffset)) return;
      const now = monotonicMs();
      const near = places.filter((place) => place.position >= from && place.givenUpMs <= now - NO_WAIT_MS);
      if (near.length === 0) return;
      if (now >= deadline) {
        for (const place of near) place.givenUpMs = now;
        return;
      }
      await this.change(deadline - now);
    }
  }

  /** Until no lane near the window, which ends at `end`, needs its `oldest` span any more; not for long. */
  async waitFor(
    oldest: { readonly firstOffset: number; readonly nextOffset: number },
    end: number,
  ): Promise<void> {
    const deadline = monotonicMs() + WAIT_MS;
    for (;;) {
      const laggards = this.laggards(2 * oldest.firstOffset - end, oldest.nextOffset);
      if (laggards.length === 0) return;
      const now = monotonicMs();
      if (now >= deadline) {
        for (const place of laggards) place.givenUpMs = now;
        return;
      }
      await this.change(deadline - now);
    }
  }

  private laggards(from: number, to: number): LanePlace[] {
    const givenUpAfterMs = monotonicMs() - NO_WAIT_MS;
    return [...this.places].filter(
      ({ position, givenUpMs }) => position >= from && position < to && givenUpMs <= givenUpAfterMs,
    );
  }

  /** Until a lane has moved, or for `ms`. */
  private async change(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const late = timer(ms, () => wake());
      const wake = (): void => {
        late.cancel();
        this.waiting.delete(wake);
        resolve();
      };
      this.waiting.add(wake);
    });
  }

  private wake(): void {
    for (const wake of this.waiting) wake();
  }
}
