/**
 * What queue and notifications read of the folded access log, and the little they append to it. Only this is looked
 * at when a job runs: a job says which request to look at, never what is true of it.
 */
import type { AccessEventFacts } from '../../audit/access-events.ts';
import type { ErrorCode } from '../../platform/errors.ts';
import type {
  AccessActor,
  AccessEntry,
  AccessStage,
  GrantState,
  RequestBody,
  Scope,
} from '../../schemas/access-codecs.ts';

/** One line of a request's or grant's history. */
export interface HistoryView {
  /** Of the entry in the access log. */
  readonly offset: number;
  readonly atMs: number;
  /** Audit type, such as `request.submitted`. */
  readonly type: string;
}

export interface RequestView {
  readonly id: string;
  readonly offset: number;
  readonly submittedMs: number;
  readonly requester: string;
  readonly body: RequestBody;
  readonly scope: Scope | null;
  readonly state: string;
  /** Index into `body.stages`. */
  readonly stage: number;
  readonly votes: readonly { readonly stage: number; readonly offset: number }[];
  readonly pendingUntilMs: number;
  readonly history: readonly HistoryView[];
}

export interface GrantView {
  readonly grant: GrantState;
  readonly review: { readonly state: 'NONE' | 'DUE' | 'DONE' | 'OVERDUE'; readonly dueMs: number };
  readonly history: readonly HistoryView[];
}

/** The folded state as far as it is read here. */
export interface AccessView {
  /** Running maximum of append times: the only clock that decides. */
  readonly nowMs: number;
  /** Offset after the last entry folded. */
  readonly endOffset: number;
  readonly requests: ReadonlyMap<string, RequestView>;
  readonly grants: ReadonlyMap<string, GrantView>;
}

/** What became of an entry. */
export interface VerdictView {
  readonly outcome: 'ACCEPTED' | 'REFUSED' | 'DUPLICATE';
  readonly code: ErrorCode | null;
}

/** The access log as far as it is used here. */
export interface QueueLog {
  readonly state: AccessView;
  append(
    entry: Partial<AccessEntry> & Pick<AccessEntry, 'kind' | 'by'>,
    event: AccessEventFacts,
  ): Promise<VerdictView>;
  /** An audit event that is no entry of the log. */
  record(event: AccessEventFacts): Promise<void>;
  changed(signal: AbortSignal, ms?: number): Promise<void>;
}

/** Milliseconds since the epoch: the machine's clock, but never behind what the log has seen. */
export function logNowMs(state: AccessView, machineNowMs: number): number {
  return Math.max(state.nowMs, machineNowMs);
}

/** Whether a history has a line of that type. */
export function hasHappened(history: readonly HistoryView[], type: string): boolean {
  return history.some((line) => line.type === type);
}

/** The stage whose turn it is, or null when all are done. */
export function presentStage(request: RequestView): AccessStage | null {
  return request.body.stages[request.stage] ?? null;
}

/** Who appends what the clock demands. */
export function clockActor(principal: string): AccessActor {
  return { kind: 'SYSTEM', id: principal, roles: [], on_behalf_of: null, token_id: null };
}
