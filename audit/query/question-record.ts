/**
 * Asking is an act too: each question becomes an audit event before its answer is given. The event holds the hash of
 * the question and the number of results, never what was asked about or answered. No record, no answer.
 */
import { createHash } from 'node:crypto';
import type { Cluster } from '../../kafka/cluster.ts';
import type { AuditWriterKey } from '../../keys/audit-writer-key.ts';
import { randomId } from '../../platform/clock.ts';
import type { TopicNames } from '../../schemas/topic-names.ts';
import { systemEvent } from '../audit-chain.ts';
import type { EventBody } from '../audit-chain.ts';
import { writeClosedChain } from '../closed-chain.ts';

/** Who asks. */
export interface Asker {
  /** A person's id, or the Kafka principal where nobody has logged in. */
  readonly id: string;
  readonly isPerson: boolean;
  readonly roles: readonly string[];
  /** Kafka principal that read the audit topics. */
  readonly principal: string;
}

export interface AskedQuestion {
  /** `audit.queried`, or what else was done with the answer. */
  readonly type:
    | 'audit.queried'
    | 'audit.token'
    | 'export.created'
    | 'subject.disclosure_report'
    | 'subject.disclosure_withheld';
  /** Name of the question. */
  readonly name: string;
  /** What was asked, a person by reference only; goes into the hash and nowhere else. */
  readonly words: readonly string[];
  readonly results: number;
  /** More names, codes and counts. */
  readonly ext?: Readonly<Record<string, string>>;
}

export interface RecordOptions {
  readonly cluster: Cluster;
  readonly names: TopicNames;
  /** Registry id of PhiAuditEvent. */
  readonly schemaId: number;
  readonly key: AuditWriterKey;
  readonly asker: Asker;
}

/** SHA-256 over the question, hex: the same question always gives the same hash. */
export function questionHash({ name, words }: Pick<AskedQuestion, 'name' | 'words'>): string {
  return createHash('sha256')
    .update(JSON.stringify([name, ...words]))
    .digest('hex');
}

/**
 * Writes the events of `questions`, a chain of their own from its opening to its end, in one transaction.
 * Resolves when that is committed; rejects with Kafka's errors, and then there is to be no answer.
 */
export async function recordQuestions(
  { cluster, names, schemaId, key, asker }: RecordOptions,
  questions: readonly AskedQuestion[],
  signal: AbortSignal,
): Promise<void> {
  const transactionalId = names.auditorTransactionalId(randomId());
  const chain = { cluster, topic: names.auditEvents, transactionalId, schemaId, key };
  const bodies = questions.map((question) => questionEvent(asker, key.name, question));
  await writeClosedChain({ ...chain, principal: asker.principal }, bodies, signal);
}

function questionEvent(asker: Asker, role: string, question: AskedQuestion): EventBody {
  const ext = {
    ...question.ext,
    question: question.name,
    question_sha256: questionHash(question),
    results: String(question.results),
  };
  const body = systemEvent(
    question.type,
    { id: asker.id, role },
    Object.entries(ext).map(([k, v]) => ({ k, v })),
  );
  const { actor } = body;
  return {
    ...body,
    action: 'E',
    phase: 'BEFORE_RELEASE',
    actor: {
      ...actor,
      type: asker.isPerson ? 'USER' : 'SERVICE',
      roles: [...asker.roles],
      client_id: asker.principal,
    },
  };
}
