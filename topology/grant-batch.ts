/**
 * What one lease covers, while it is being put together: records read, those selected, masked by the grant's plans.
 * Nothing of it has been sent anywhere.
 */
import type { RecordBatchWriter } from '../kafka/record-batch-writer.ts';
import type { GrantRange } from './grant-ledger.ts';
import { GrantSelection } from './grant-selection.ts';
import type { SelectionLimits, Tokenizers } from './grant-selection.ts';
import type { Span } from './held-span.ts';
import type { CompiledPlan } from './plan-store.ts';
import { SpanMasker } from './span-masker.ts';
import { TransactionWork } from './transaction-work.ts';
import type { SpanMaskerOptions } from './span-masker.ts';
import type { StopReason } from './span-walk.ts';

export interface GrantBatchOptions extends Omit<SpanMaskerOptions, 'selection' | 'plans'> {
  readonly partition: number;
  readonly firstOffset: number;
  readonly limits: SelectionLimits;
  readonly plans: ReadonlyMap<number, CompiledPlan>;
  readonly tokenizers: Tokenizers;
}

export class GrantBatch {
  readonly partition: number;
  readonly firstOffset: number;
  /** Where reading has got to. */
  position: number;
  readonly work = new TransactionWork();
  readonly selection: GrantSelection;
  readonly writer: RecordBatchWriter;
  private readonly masker: SpanMasker;
  private readonly end: number;

  constructor(options: GrantBatchOptions) {
    const { partition, firstOffset, limits, tokenizers, ...masking } = options;
    this.partition = partition;
    this.firstOffset = firstOffset;
    this.position = firstOffset;
    this.end = limits.endOffset;
    this.writer = masking.writer;
    this.selection = new GrantSelection(limits, tokenizers);
    this.masker = new SpanMasker({ ...masking, selection: this.selection });
  }

  get isAtEnd(): boolean {
    return this.position >= this.end;
  }

  get isEmpty(): boolean {
    return this.position === this.firstOffset;
  }

  get range(): GrantRange {
    return { partition: this.partition, firstOffset: this.firstOffset, nextOffset: this.position };
  }

  /** Takes in what it can of a span; says why it stopped. */
  take(span: Span): StopReason {
    const { position, stop } = this.masker.run(span, this.position, this.work);
    this.position = Math.min(position, this.end);
    return stop;
  }
}
