/**
 * Works out the answer to one question from the index and the topics, and says what is to be on record of it. It hands
 * nothing out: audit-clerk.ts does, once the record stands.
 */
import { accountCsv, accountPage } from '../audit/accounting/disclosure-pages.ts';
import { loadHolds, loadRecipients } from '../audit/accounting/disclosure-files.ts';
import { accounting, lookBack } from '../audit/accounting/disclosures.ts';
import { proveEvent } from '../audit/event-prover.ts';
import { ALL_TIME, DAY_MS, iso } from '../audit/query/answer.ts';
import { cutoffs, doubleApprovals } from '../audit/query/approval-questions.ts';
import type { AuditIndex } from '../audit/query/audit-index.ts';
import { exportsOn } from '../audit/query/exports.ts';
import { grantDelivery, overdueGrants } from '../audit/query/grant-delivery.ts';
import { mergesAsked, patientReference, patientTokens, personOf } from '../audit/query/patient.ts';
import type { EpochToken } from '../audit/query/patient.ts';
import { principalActs } from '../audit/query/principal.ts';
import type { AskedQuestion } from '../audit/query/question-record.ts';
import type { SealBracket } from '../audit/query/seal-bracket.ts';
import type { Period } from '../audit/query/answer.ts';
import { whoSaw } from '../audit/query/who-saw.ts';
import { trustFile, verifyEventProof } from '../audit/tlog-proof.ts';
import type { ProvenEvent } from '../audit/tlog-proof.ts';
import type { AuditSource } from '../audit/verify/audit-source.ts';
import type { Trust } from '../audit/verify/trust.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { PersonAliases } from '../keys/person-aliases.ts';
import { nowMs } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import type {
  AuditAnswer,
  AuditQuestion,
  DisclosuresQuestion,
  LineWindow,
  LinesShown,
  ProvenFacts,
  WhoSawQuestion,
} from './audit-question.ts';

/** What answers are made from. */
export interface AnswerSources {
  readonly index: AuditIndex;
  readonly keyring: Keyring;
  /** Which ids were one person. */
  readonly aliases: () => Promise<PersonAliases>;
  readonly seals: (period: Period) => Promise<SealBracket | null>;
  /** The live topics, for proofs. */
  readonly source: () => AuditSource;
  /** Name of the topic of audit events. */
  readonly eventsTopic: string;
  /** null: no trust file is configured. */
  readonly trust: () => Promise<Trust | null>;
  /** Files that an accounting needs; null: none. */
  readonly recipientsFile: string | null;
  readonly holdsFile: string | null;
}

/** An answer that nobody has seen yet. */
export interface Answered {
  readonly answer: AuditAnswer;
  /** What must be on record before anybody does. */
  readonly records: readonly AskedQuestion[];
}

/** Throws ERR_AUDIT_NOT_PROVABLE, ERR_AUDIT_DESK_ABSENT (no trust file), and what its sources throw. */
export async function answerTo(question: AuditQuestion, sources: AnswerSources): Promise<Answered> {
  const { index } = sources;
  switch (question.name) {
    case 'who-saw':
      return await whoSawAnswer(question, sources);
    case 'disclosures':
      return await disclosuresAnswer(question, sources);
    case 'exports': {
      const day = { fromMs: question.dayMs, toMs: question.dayMs + DAY_MS };
      const answer = exportsOn(index, day, await sources.seals(day));
      const { deliveries } = answer;
      const results = deliveries.reduce((sum, { events }) => sum + events, 0);
      const shown = { ...answer, deliveries: cut(deliveries, question), page: page(question, deliveries) };
      return asked(question.name, [iso(day.fromMs)], results, shown);
    }
    case 'principal': {
      const answer = principalActs(index, question.principal);
      const shown = { ...answer, acts: cut(answer.acts, question), page: page(question, answer.acts) };
      return asked(question.name, [question.principal], answer.acts.length, shown);
    }
    case 'grant': {
      const answer = grantDelivery(index, question.grant);
      const { deliveries, steps } = answer;
      const lists = { deliveries: cut(deliveries, question), steps: cut(steps, question) };
      const shown = { ...answer, ...lists, page: page(question, deliveries, steps) };
      return asked(question.name, [question.grant], deliveries.length, shown);
    }
    case 'overdue-grants': {
      const answer = overdueGrants(index);
      const { overdue } = answer;
      const shown = { ...answer, overdue: cut(overdue, question), page: page(question, overdue) };
      return asked(question.name, [], overdue.length, shown);
    }
    case 'double-approvals': {
      const answer = doubleApprovals(index);
      const { doubles } = answer;
      const shown = { ...answer, doubles: cut(doubles, question), page: page(question, doubles) };
      return asked(question.name, [], doubles.length, shown);
    }
    case 'cutoffs': {
      const answer = cutoffs(index);
      const shown = {
        ...answer,
        cutoffs: cut(answer.cutoffs, question),
        page: page(question, answer.cutoffs),
      };
      return asked(question.name, [], answer.cutoffs.length, shown);
    }
    default:
      return await eventAnswer(question, sources);
  }
}

function asked(
  name: string,
  words: readonly string[],
  results: number,
  answer: AuditAnswer,
  ext: Readonly<Record<string, string>> = {},
): Answered {
  return { answer, records: [{ type: 'audit.queried', name, words, results, ext }] };
}

function cut<T>(list: readonly T[], { skip, limit }: LineWindow): readonly T[] {
  return list.slice(skip, skip + limit);
}

function page({ skip, limit }: LineWindow, ...lists: readonly (readonly unknown[])[]): LinesShown {
  return { skip, limit, total: Math.max(...lists.map(({ length }) => length)) };
}

async function whoSawAnswer(question: WhoSawQuestion, sources: AnswerSources): Promise<Answered> {
  const { fromMs, toMs } = question;
  const aliases = await sources.aliases();
  const tokens = patientTokens(sources.keyring, question.patient, aliases);
  const period = { fromMs: fromMs ?? ALL_TIME.fromMs, toMs: toMs ?? ALL_TIME.toMs };
  const answer = whoSaw(sources.index, tokens, period);
  const viewers = answer.viewers.map((each) => {
    const { sightings: _, ...viewer } = each;
    return viewer;
  });
  const sightings = question.events
    ? answer.viewers.flatMap(({ through, name, recipient, sightings: mine }) =>
        mine.map((each) => ({ through, name, recipient, ...each })),
      )
    : [];
  const lists = { viewers: cut(viewers, question), sightings: cut(sightings, question) };
  const shown = { ...answer, ...lists, page: page(question, viewers, sightings) };
  const words = [patientReference(tokens), timeText(fromMs), timeText(toMs)];
  const times = answer.viewers.reduce((sum, viewer) => sum + viewer.times, 0);
  return asked(question.name, words, times, shown, mergesAsked(aliases));
}

function timeText(ms: number | null): string {
  return ms === null ? '' : iso(ms);
}

/** One record for the account, one for each suspension that left something out. */
async function disclosuresAnswer(question: DisclosuresQuestion, sources: AnswerSources): Promise<Answered> {
  const { form, withExempt, fromMs, toMs, file } = question;
  const { recipientsFile, holdsFile } = sources;
  const aliases = await sources.aliases();
  const tokens: readonly EpochToken[] = patientTokens(sources.keyring, question.patient, aliases);
  const now = nowMs();
  const six = lookBack(toMs ?? now);
  const { account, omitted } = accounting(sources.index, tokens, {
    period: { ...six, fromMs: fromMs ?? six.fromMs },
    form,
    withExempt,
    recipients: recipientsFile === null ? new Map() : await loadRecipients(recipientsFile),
    holds: holdsFile === null ? [] : await loadHolds(holdsFile),
    personOf: personOf(sources.keyring, aliases),
    nowMs: now,
  });
  const { disclosures, series, research } = account;
  const words = [patientReference(tokens), account.from, account.to, form, String(withExempt)];
  const name = question.name;
  const ext = { form, counted: String(account.counted), ...mergesAsked(aliases) };
  const results = (form === 'full' ? disclosures.length : series.length) + research.length;
  return {
    answer: {
      question: name,
      account: {
        ...account,
        disclosures: cut(disclosures, question),
        series: cut(series, question),
        research: cut(research, question),
      },
      file:
        file === null ? null : file === 'csv' ? accountCsv(account) : accountPage(account, question.patient),
      page: page(question, disclosures, series, research),
    },
    records: [
      { type: 'subject.disclosure_report', name, words, results, ext },
      ...omitted.map(({ hold, disclosures: left }) => ({
        type: 'subject.disclosure_withheld' as const,
        name,
        words,
        results: left,
        ext: { hold },
      })),
    ],
  };
}

async function eventAnswer(
  { name, partition, offset }: Extract<AuditQuestion, { readonly name: 'event' }>,
  sources: AnswerSources,
): Promise<Answered> {
  const trust = await sources.trust();
  if (!trust) throw new GauzeError('ERR_AUDIT_DESK_ABSENT', { expected: 'audit.trustFile' });
  const topic = sources.eventsTopic;
  const proof = await proveEvent(sources.source(), { topic, partition, offset });
  const event = factsOf(verifyEventProof(Buffer.from(proof), trustFile(trust)));
  return asked(name, [topic, String(partition), String(offset)], 1, {
    question: name,
    topic,
    partition,
    offset,
    event,
    proof,
  });
}

function factsOf({ event, seal, checkpoint, index }: ProvenEvent): ProvenFacts {
  const { range } = event;
  return {
    id: event.event_id.toString('hex'),
    type: event.type,
    recorded: iso(event.recorded_at / 1000),
    actor: event.actor.id,
    read: range && `${range.topic}/${range.partition} [${range.first_offset}, ${range.next_offset})`,
    index,
    seal: seal.n,
    sealed: iso(seal.sealed_at / 1000),
    origin: checkpoint.checkpoint.origin,
    cosignedBy: checkpoint.cosignatures.map(({ name, timeSeconds }) => ({
      witness: name,
      at: timeSeconds === null ? null : iso(timeSeconds * 1000),
    })),
  };
}
