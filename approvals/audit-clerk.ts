/**
 * Hands out answers to questions: each only after the question is on record. Where the record cannot be written there
 * is no answer, whatever was found.
 */
import type { AuditIndex } from '../audit/query/audit-index.ts';
import type { AskedQuestion, Asker } from '../audit/query/question-record.ts';
import { answerTo } from './audit-answers.ts';
import type { AnswerSources } from './audit-answers.ts';
import type { AuditAnswer, AuditQuestion } from './audit-question.ts';

export interface ClerkParts {
  /** The index, with everything in it that the topics held when this was called. */
  readonly upToDate: () => Promise<AuditIndex>;
  readonly sources: Omit<AnswerSources, 'index'>;
  /** Resolves once the questions are on record under the asker's name. */
  readonly record: (asker: Asker, questions: readonly AskedQuestion[]) => Promise<void>;
}

/** Throws what index, answer and record throw. */
export async function answerOnRecord(
  { upToDate, sources, record }: ClerkParts,
  question: AuditQuestion,
  asker: Asker,
): Promise<AuditAnswer> {
  const { answer, records } = await answerTo(question, { ...sources, index: await upToDate() });
  await record(asker, records);
  return answer;
}
