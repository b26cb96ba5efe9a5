/**
 * `gauze audit query`, `index` and `token`: asks the local index, puts the question on record, prints the answer. A
 * patient's id goes into tokens and into nothing else; tokens are printed by `gauze audit token` alone.
 */
import { text as readText } from 'node:stream/consumers';
import { ALL_TIME, DAY_MS, iso } from '../audit/query/answer.ts';
import type { Period } from '../audit/query/answer.ts';
import { cutoffs, doubleApprovals } from '../audit/query/approval-questions.ts';
import { exportsOn } from '../audit/query/exports.ts';
import { grantDelivery, overdueGrants } from '../audit/query/grant-delivery.ts';
import {
  idsJoined,
  joinedWords,
  mergesAsked,
  patientReference,
  patientTokens,
} from '../audit/query/patient.ts';
import { principalActs } from '../audit/query/principal.ts';
import { sealBracket } from '../audit/query/seal-bracket.ts';
import { whoSaw } from '../audit/query/who-saw.ts';
import { GauzeError } from '../platform/errors.ts';
import { answerLines } from './audit-answers.ts';
import type { Answer } from './audit-answers.ts';
import { atAuditDesk } from './audit-desk.ts';
import type { AuditDesk } from './audit-desk.ts';
import { EXIT, print, table } from './terminal.ts';

export interface IndexOptions {
  readonly config: string;
  readonly json: boolean;
  readonly index?: string;
  readonly rebuild?: boolean;
  readonly archive?: string;
}

export interface QueryOptions extends IndexOptions {
  readonly from?: string;
  readonly to?: string;
  readonly events: boolean;
}

/** How a question is answered, and what stands for it in the record. */
interface Asked {
  readonly words: readonly string[];
  readonly answer: Answer;
  readonly results: number;
  /** Something was found that must not be. */
  readonly isAlarm: boolean;
  /** More for the record. */
  readonly ext?: Readonly<Record<string, string>>;
}

type Question = (desk: AuditDesk, about: string, options: QueryOptions) => Promise<Asked> | Asked;

/** Questions about something; the others are about everything. */
const NEEDS: Readonly<Record<string, string>> = {
  'who-saw': 'the id of a patient',
  exports: 'a date such as 2026-06-12',
  identifiers: 'a date such as 2026-06-12',
  principal: 'a principal such as User:alice, or the id of a person',
  grant: 'the id of a grant',
};

const QUESTIONS: Readonly<Record<string, Question>> = {
  'who-saw': askWhoSaw,
  exports: askExports,
  identifiers: askExports,
  principal: ({ index }, about) => {
    const answer = principalActs(index, about);
    return { words: [about], answer, results: answer.acts.length, isAlarm: false };
  },
  grant: ({ index }, about) => {
    const answer = grantDelivery(index, about);
    const isAlarm = answer.deliveries.some(({ isLate }) => isLate);
    return { words: [about], answer, results: answer.deliveries.length, isAlarm };
  },
  'overdue-grants': ({ index }) => {
    const answer = overdueGrants(index);
    const { length } = answer.overdue;
    return { words: [], answer, results: length, isAlarm: length > 0 };
  },
  'double-approvals': ({ index }) => {
    const answer = doubleApprovals(index);
    const { length } = answer.doubles;
    return { words: [], answer, results: length, isAlarm: length > 0 };
  },
  cutoffs: ({ index }) => {
    const answer = cutoffs(index);
    return { words: [], answer, results: answer.cutoffs.length, isAlarm: false };
  },
};

/** Exit code 0; 3 where something was found that must not be. */
export async function auditQueryCommand(
  question: string,
  about: string | undefined,
  options: QueryOptions,
): Promise<number> {
  const ask = Object.hasOwn(QUESTIONS, question) ? QUESTIONS[question] : undefined;
  if (!ask) throw usage('question', `one of ${Object.keys(QUESTIONS).join(', ')}`);
  const needed = NEEDS[question];
  if ((needed === undefined) !== (about === undefined))
    throw usage(`of ${question}`, needed ?? 'left out: it is about everything');
  // Wrong times are said before anything is read.
  periodOf(options);
  const subject = question === 'who-saw' ? await patientId(about!) : (about ?? '');
  return await atAuditDesk(options, async (desk) => {
    const { words, answer, results, isAlarm, ext = {} } = await ask(desk, subject, options);
    await desk.record([{ type: 'audit.queried', name: question, words, results, ext }]);
    if (options.json) print(JSON.stringify(answer));
    else for (const line of answerLines(answer, options.events)) print(line);
    return isAlarm ? EXIT.waiting : EXIT.ok;
  });
}

export async function auditIndexCommand(options: IndexOptions): Promise<number> {
  return await atAuditDesk(options, async ({ index }) => {
    const count = (name: string): number =>
      Number(index.get(`SELECT COUNT(*) AS rows FROM ${name}`)?.['rows']);
    const facts = {
      file: index.file,
      bytes: index.size,
      events: count('events'),
      subjectRanges: count('subject_ranges'),
      accessEntries: count('access_entries'),
    };
    if (options.json) print(JSON.stringify(facts));
    else for (const line of table(['fact', 'value'], Object.entries(facts))) print(line);
    return await Promise.resolve(EXIT.ok);
  });
}

export async function auditTokenCommand(patient: string, options: IndexOptions): Promise<number> {
  const id = await patientId(patient);
  return await atAuditDesk(options, async ({ keyring, aliases, record }) => {
    const tokens = patientTokens(keyring, id, aliases);
    const words = [patientReference(tokens)];
    const ext = mergesAsked(aliases);
    await record([{ type: 'audit.token', name: 'token', words, results: tokens.length, ext }]);
    const rows = tokens.map(({ epoch, token }) => [epoch, token.toString('hex')] as const);
    if (options.json) print(JSON.stringify(rows.map(([epoch, token]) => ({ epoch, token }))));
    else
      for (const line of [...joinedWords(idsJoined(tokens)), ...table(['epoch', 'token'], rows)]) print(line);
    return EXIT.ok;
  });
}

/** The id, or what stands in the first line of standard input for `-`. Throws ERR_USAGE_ARGUMENT. */
export async function patientId(argument: string): Promise<string> {
  const id = argument === '-' ? ((await readText(process.stdin)).split(/\r?\n/)[0] ?? '') : argument;
  if (id === '') throw usage('patient', 'an id');
  return id;
}

/** Milliseconds of an ISO date or time. Throws ERR_USAGE_ARGUMENT. */
export function timeOf(option: string, text: string): number {
  const isIso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const ms = isIso ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw usage(option, 'a date, or a time with its zone, as in ISO 8601');
  return ms;
}

function periodOf({ from, to }: QueryOptions): Period {
  return {
    fromMs: from === undefined ? ALL_TIME.fromMs : timeOf('--from', from),
    toMs: to === undefined ? ALL_TIME.toMs : timeOf('--to', to),
  };
}

function askWhoSaw({ index, keyring, aliases }: AuditDesk, about: string, options: QueryOptions): Asked {
  const tokens = patientTokens(keyring, about, aliases);
  const answer = whoSaw(index, tokens, periodOf(options));
  const words = [patientReference(tokens), options.from ?? '', options.to ?? ''];
  return {
    words,
    answer,
    results: answer.viewers.reduce((sum, { times }) => sum + times, 0),
    isAlarm: false,
    ext: mergesAsked(aliases),
  };
}

async function askExports({ site, cluster, index }: AuditDesk, about: string): Promise<Asked> {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(about)) throw usage('of exports', NEEDS['exports']!);
  const fromMs = timeOf('of exports', about);
  const day = { fromMs, toMs: fromMs + DAY_MS };
  const bracket = await sealBracket(cluster, site.names.auditSeals, day);
  const answer = exportsOn(index, day, bracket);
  const results = answer.deliveries.reduce((sum, { events }) => sum + events, 0);
  return { words: [iso(day.fromMs)], answer, results, isAlarm: false };
}

function usage(setting: string, expected: string): GauzeError {
  return new GauzeError('ERR_USAGE_ARGUMENT', { setting, expected });
}
