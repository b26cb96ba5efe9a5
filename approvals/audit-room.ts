/**
 * The audit office behind a door: it works in a thread of its own, and what is asked of it and answered goes through
 * here. Where that thread ends by itself, those who wait are told so, and another one is begun.
 */
import { Worker } from 'node:worker_threads';
import type { Asker } from '../audit/query/question-record.ts';
import { timer } from '../platform/clock.ts';
import { GauzeError, foreignName } from '../platform/errors.ts';
import type { ErrorCode, ErrorContext } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { AuditAnswer, AuditQuestion } from './audit-question.ts';
import type { AuditSettings } from './audit-settings.ts';
import { NOTHING_KNOWN, withTrouble } from './audit-status.ts';
import type { AuditStatus } from './audit-status.ts';

/** What goes to the office. */
export type ToOffice =
  | { readonly kind: 'close' }
  | {
      readonly kind: 'ask';
      readonly id: number;
      readonly question: AuditQuestion;
      readonly asker: Omit<Asker, 'principal'>;
    };

/** What comes from it. */
export type FromOffice =
  | { readonly kind: 'status'; readonly status: AuditStatus }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: AuditAnswer }
  | {
      readonly kind: 'failure';
      readonly id: number;
      readonly code: ErrorCode;
      readonly context: ErrorContext;
    };

interface Waiting {
  readonly resolve: (answer: AuditAnswer) => void;
  readonly reject: (error: GauzeError) => void;
}

const BEGIN_AGAIN_MS = 5_000;
/** How long the office may take to end; then its thread is ended. */
const END_MS = 3_000;
/** Questions that may wait at a time. */
const WAITING_MAX = 50;

export class AuditRoom {
  private readonly settings: AuditSettings;
  private readonly log: Logger;
  private readonly waiting = new Map<number, Waiting>();
  private worker: Worker | null = null;
  private lastId = 0;
  private isClosed = false;
  private known: AuditStatus = NOTHING_KNOWN;

  constructor(settings: AuditSettings, log: Logger) {
    this.settings = settings;
    this.log = log;
  }

  /** What the office has told last. */
  get status(): AuditStatus {
    return this.known;
  }

  /** Begins the work; nothing is waited for. */
  start(): void {
    const script = import.meta.url.endsWith('.ts') ? './audit-worker.ts' : './audit-worker.js';
    const worker = new Worker(new URL(script, import.meta.url), { workerData: this.settings });
    this.worker = worker;
    let causeName = 'ended';
    worker.on('message', (message: FromOffice) => this.hear(message));
    worker.on('error', (thrown: unknown) => {
      causeName = foreignName(thrown);
    });
    worker.on('exit', () => {
      if (this.worker === worker) this.end(causeName);
    });
  }

  /** Throws ERR_AUDIT_DESK_AWAY, and what the office throws. */
  async ask(question: AuditQuestion, asker: Omit<Asker, 'principal'>): Promise<AuditAnswer> {
    const { worker } = this;
    if (!worker || this.isClosed) throw away('ended');
    if (this.waiting.size >= WAITING_MAX) throw away('busy');
    const id = ++this.lastId;
    const answer = new Promise<AuditAnswer>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    tell(worker, { kind: 'ask', id, question, asker });
    return await answer;
  }

  /** Ends the work. */
  async close(): Promise<void> {
    this.isClosed = true;
    const { worker } = this;
    if (!worker) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    tell(worker, { kind: 'close' });
    const late = timer(END_MS, () => void worker.terminate());
    await ended;
    late.cancel();
  }

  private hear(message: FromOffice): void {
    if (message.kind === 'status') {
      this.know(message.status);
      return;
    }
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.kind === 'answer') waiting?.resolve(message.answer);
    else waiting?.reject(new GauzeError(message.code, message.context));
  }

  /** Keeps the status; what is newly amiss is logged once. */
  private know(status: AuditStatus): void {
    const before = new Set(this.known.troubles.map(({ part, code }) => `${part} ${code}`));
    this.known = status;
    for (const { part, code } of status.troubles)
      if (!before.has(`${part} ${code}`)) this.log.warn('audit work waits', { stage: part, outcome: code });
  }

  private end(causeName: string): void {
    this.worker = null;
    const error = away(causeName);
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
    if (this.isClosed) return;
    this.know(withTrouble({ ...this.known, verifying: null, indexing: null }, 'connection', error));
    timer(BEGIN_AGAIN_MS, () => {
      if (!this.isClosed) this.start();
    });
  }
}

function tell(worker: Worker, message: ToOffice): void {
  // Nothing is handed over: what is sent is copied.
  worker.postMessage(message, []);
}

function away(causeName: string): GauzeError {
  return new GauzeError('ERR_AUDIT_DESK_AWAY', { causeName });
}
