/**
 * Where auditors ask: who may is decided here, for the API and the pages alike, and nobody else gets past. Without the
 * auditor's log-in there is nothing to ask, which is told to auditors alone.
 */
import { GauzeError } from '../platform/errors.ts';
import type { AccessActor } from '../schemas/access-codecs.ts';
import type { AnswerTo, AuditAnswer, AuditQuestion } from './audit-question.ts';
import type { AuditRoom } from './audit-room.ts';
import type { AuditStatus } from './audit-status.ts';
import { AUDITORS } from './people.ts';

/** The room as far as it is used here. */
export type AuditAsking = Pick<AuditRoom, 'status' | 'ask'>;

export class AuditDesk {
  private readonly room: AuditAsking | null;

  /** null: this service has no log-in of the auditor. */
  constructor(room: AuditAsking | null) {
    this.room = room;
  }

  /** Throws ERR_AUDIT_ROLE, ERR_ACCESS_DELEGATE, ERR_AUDIT_DESK_ABSENT. */
  status(by: AccessActor): AuditStatus {
    return this.roomFor(by).status;
  }

  /** The answer, after the question was put on record under the person's name. Throws as `status`, and AuditRoom.ask. */
  async ask<Q extends AuditQuestion>(by: AccessActor, question: Q): Promise<AnswerTo<Q['name']>> {
    const room = this.roomFor(by);
    const { id, kind, roles } = by;
    const answer: AuditAnswer = await room.ask(question, { id, isPerson: kind === 'HUMAN', roles });
    return answer as AnswerTo<Q['name']>;
  }

  private roomFor(by: AccessActor): AuditAsking {
    assertAuditor(by);
    if (!this.room) throw new GauzeError('ERR_AUDIT_DESK_ABSENT', { expected: 'kafka.roles.auditor' });
    return this.room;
  }
}

/** Throws ERR_AUDIT_ROLE; ERR_ACCESS_DELEGATE for who acts for somebody else. */
export function assertAuditor(by: AccessActor): void {
  if (!by.roles.includes(AUDITORS)) throw new GauzeError('ERR_AUDIT_ROLE', {});
  if (by.on_behalf_of !== null) throw new GauzeError('ERR_ACCESS_DELEGATE', {});
}
