/**
 * A log for tests of the queue: the real reducer behind an offset counter and a clock that the test sets. What is
 * appended is folded at once, as if it had come back from the broker.
 */
import { randomBytes } from 'node:crypto';
import { AccessState } from '../../approvals/access-state.ts';
import type { NewEntry } from '../../approvals/access-log.ts';
import type { Verdict } from '../../approvals/access-state.ts';
import type { QueueLog } from '../../approvals/queue/access-view.ts';
import type { AccessEventFacts } from '../../audit/access-events.ts';
import { GauzeError } from '../../platform/errors.ts';
import type { AccessEntry, RequestBody, Scope } from '../../schemas/access-codecs.ts';
import { SYSTEM, human, requestOf, scopeOf } from './access-plane.ts';

export const OWNER = human('olga', 'data-owners');
export const OFFICER = human('paul', 'privacy-officers');
export const ASKER = human('alice', 'clinicians');

export class QueuePlane implements QueueLog {
  readonly state = new AccessState();
  readonly events: AccessEventFacts[] = [];
  readonly entries: AccessEntry[] = [];
  readonly verdicts: Verdict[] = [];
  /** The broker's time. */
  brokerMs: () => number;
  /** While set, the log does not answer. */
  isAway = false;
  private readonly waiters = new Set<() => void>();

  constructor(brokerMs: () => number = () => Date.now()) {
    this.brokerMs = brokerMs;
  }

  async append(entry: NewEntry, event: AccessEventFacts): Promise<Verdict> {
    await Promise.resolve();
    if (this.isAway) throw new GauzeError('ERR_ACCESS_LOG_UNAVAILABLE', {});
    this.events.push(event);
    return this.fold(entry);
  }

  async record(event: AccessEventFacts): Promise<void> {
    await Promise.resolve();
    if (this.isAway) throw new GauzeError('ERR_ACCESS_LOG_UNAVAILABLE', {});
    this.events.push(event);
  }

  async changed(signal: AbortSignal, ms = 1_000): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(late);
        this.waiters.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const late = setTimeout(done, ms);
      this.waiters.add(done);
      signal.addEventListener('abort', done);
    });
  }

  fold(entry: NewEntry): Verdict {
    const whole: AccessEntry = {
      entry_id: randomBytes(16),
      at: 0,
      idempotency_key: null,
      request_id: null,
      grant_id: null,
      cause: null,
      reason: null,
      request: null,
      decision: null,
      topic: null,
      lock: null,
      justified: null,
      ...entry,
    };
    // Every second offset is the marker of a transaction.
    const offset = this.state.endOffset + 1;
    const verdict = this.state.fold(offset, this.brokerMs(), whole);
    this.entries.push(whole);
    this.verdicts.push(verdict);
    for (const done of this.waiters) done();
    return verdict;
  }

  /** Asks for access; gives the id of the request. */
  request(given: Partial<RequestBody> = {}, scope: Partial<Scope> = {}, reason = 'care'): string {
    const id = randomBytes(8).toString('hex');
    const body = requestOf(scopeOf(scope), given);
    this.fold({ kind: 'REQUESTED', by: ASKER, request_id: id, request: body, reason });
    return id;
  }

  decide(id: string, by: typeof OWNER, approve = true, reason = 'fine'): Verdict {
    const { scopeSha256 } = this.state.requests.get(id)!;
    const decision = { approve, scope_sha256: scopeSha256, narrowed: null, narrowed_sha256: null };
    return this.fold({ kind: 'DECIDED', by, request_id: id, decision, reason });
  }

  approve(id: string): void {
    this.decide(id, OWNER);
    this.decide(id, OFFICER);
  }

  /** What the provisioner says once the topic is there. */
  provision(id: string): void {
    const topic = { topic_id: 'cd'.repeat(16), partitions: 1 };
    this.fold({ kind: 'PROVISIONED', by: SYSTEM, request_id: id, grant_id: id, topic });
  }

  /** What the provisioner says once the topic is gone. */
  remove(id: string): void {
    this.fold({ kind: 'REMOVED', by: SYSTEM, request_id: id, grant_id: id });
  }

  grant(id: string): string | undefined {
    return this.state.grants.get(id)?.grant.state;
  }

  requestState(id: string): string | undefined {
    return this.state.requests.get(id)?.state;
  }

  /** How often entries of that kind were taken in. */
  accepted(kind: AccessEntry['kind']): number {
    return this.verdicts.filter(
      ({ outcome }, at) => outcome === 'ACCEPTED' && this.entries[at]!.kind === kind,
    ).length;
  }
}
