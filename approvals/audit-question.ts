/**
 * Questions to the audit topics as people ask them of the approval service, and what they get: plain data that can go
 * to the thread that answers and back. The id of a patient stands in a question and in no answer but the account that
 * is made for that patient.
 */
import type { AccountingAnswer } from '../audit/accounting/disclosures.ts';
import type { CutoffsAnswer, DoubleApprovalsAnswer } from '../audit/query/approval-questions.ts';
import type { ExportsAnswer } from '../audit/query/exports.ts';
import type { GrantAnswer, OverdueAnswer } from '../audit/query/grant-delivery.ts';
import type { PrincipalAnswer } from '../audit/query/principal.ts';
import type { Sighting, Viewer, WhoSawAnswer } from '../audit/query/who-saw.ts';

/** Which lines of an answer are wanted: so many, after those that are skipped. */
export interface LineWindow {
  readonly skip: number;
  readonly limit: number;
}

/** Which lines of how many an answer holds. Of several lists each is cut the same; `total` is of the longest. */
export interface LinesShown extends LineWindow {
  readonly total: number;
}

/** Times are milliseconds since the epoch. */
export interface WhoSawQuestion extends LineWindow {
  readonly name: 'who-saw';
  readonly patient: string;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** Each sighting, in place of totals only. */
  readonly events: boolean;
}

export interface DisclosuresQuestion extends LineWindow {
  readonly name: 'disclosures';
  readonly patient: string;
  /** null: six years before the end (45 CFR 164.528(a)(1)). */
  readonly fromMs: number | null;
  /** null: now. */
  readonly toMs: number | null;
  readonly form: 'full' | 'summary';
  readonly withExempt: boolean;
  /** The whole account as a file, beside the lines that are wanted. */
  readonly file: 'html' | 'csv' | null;
}

/** Questions about everything that is on record. */
export const GENERAL_QUESTIONS = ['overdue-grants', 'double-approvals', 'cutoffs'] as const;
export type GeneralQuestionName = (typeof GENERAL_QUESTIONS)[number];

export type AuditQuestion =
  | WhoSawQuestion
  | DisclosuresQuestion
  | (LineWindow & { readonly name: 'exports'; readonly dayMs: number })
  | (LineWindow & { readonly name: 'principal'; readonly principal: string })
  | (LineWindow & { readonly name: 'grant'; readonly grant: string })
  | (LineWindow & { readonly name: GeneralQuestionName })
  | { readonly name: 'event'; readonly partition: number; readonly offset: number };

export type QuestionName = AuditQuestion['name'];

/** One sighting, with who it was. */
export type SightingLine = Sighting & Pick<Viewer, 'through' | 'name' | 'recipient'>;

export type WhoSawLines = Omit<WhoSawAnswer, 'viewers'> & {
  readonly viewers: readonly Omit<Viewer, 'sightings'>[];
  /** Empty where only totals were asked for. */
  readonly sightings: readonly SightingLine[];
};

export interface DisclosuresAnswer {
  readonly question: 'disclosures';
  readonly account: AccountingAnswer;
  /** The account as HTML or CSV, where that was asked for. */
  readonly file: string | null;
}

/** What a proof proves: who, what and where; no token, no key. */
export interface ProvenFacts {
  readonly id: string;
  readonly type: string;
  readonly recorded: string;
  readonly actor: string;
  /** `topic/partition [first, next)` where it is about raw records. */
  readonly read: string | null;
  /** Place among the events of its partition, from 0. */
  readonly index: number;
  readonly seal: number;
  readonly sealed: string;
  readonly origin: string;
  readonly cosignedBy: readonly { readonly witness: string; readonly at: string | null }[];
}

export interface EventAnswer {
  readonly question: 'event';
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Read out of the proof, after every step of it was checked. */
  readonly event: ProvenFacts;
  /** c2sp.org/tlog-proof: verifies with nothing else. */
  readonly proof: string;
}

interface Lines {
  readonly page: LinesShown;
}

export type PagedAnswer =
  | (WhoSawLines & Lines)
  | (ExportsAnswer & Lines)
  | (PrincipalAnswer & Lines)
  | (GrantAnswer & Lines)
  | (OverdueAnswer & Lines)
  | (DoubleApprovalsAnswer & Lines)
  | (CutoffsAnswer & Lines)
  | (DisclosuresAnswer & Lines);

export type AuditAnswer = PagedAnswer | EventAnswer;

/** The answer to questions of that name. */
export type AnswerTo<N extends QuestionName> = Extract<AuditAnswer, { readonly question: N }>;
