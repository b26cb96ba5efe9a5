/**
 * Questions about samples in gauze.policies: asked by an administrator, answered by the topology, in counts only.
 * A fold: questions without an answer yet, and the answers given lately. Nothing here changes what anybody sees.
 */
import type { PolicyLogEntry, SampleAskEntry, SampleResultEntry } from '../schemas/control-codecs.ts';

/** A question that has no answer yet. */
export interface OpenSample extends SampleAskEntry {
  /** When it was asked, milliseconds since the epoch, by the asker's clock. */
  readonly atMs: number;
  /** Kafka principal that asked. */
  readonly by: string;
  readonly logOffset: number;
}

/** Answers that are remembered. */
const ANSWERS_KEPT = 100;

export class SampleLog {
  readonly open = new Map<string, OpenSample>();
  readonly answered = new Map<string, SampleResultEntry>();

  fold(offset: number, { kind, at, by, sample_ask: ask, sample_result: result }: PolicyLogEntry): void {
    if (kind === 'SAMPLE_ASKED' && ask && !this.answered.has(ask.id))
      this.open.set(ask.id, { ...ask, atMs: at, by, logOffset: offset });
    if (kind !== 'SAMPLE_DONE' || !result) return;
    this.open.delete(result.id);
    this.answered.set(result.id, result);
    const [oldest] = this.answered.keys();
    if (this.answered.size > ANSWERS_KEPT && oldest !== undefined) this.answered.delete(oldest);
  }
}
