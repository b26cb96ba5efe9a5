/**
 * `gauze audit disclosures`: the account that 45 CFR 164.528 gives a patient. It is on record that it was made, and what
 * was left out because of a suspension, before any of it is written.
 */
import { writeFile } from 'node:fs/promises';
import { accountCsv, accountPage } from '../audit/accounting/disclosure-pages.ts';
import { loadHolds, loadRecipients } from '../audit/accounting/disclosure-files.ts';
import { accounting, lookBack } from '../audit/accounting/disclosures.ts';
import type { AccountingAnswer, Omission } from '../audit/accounting/disclosures.ts';
import {
  joinedWords,
  mergesAsked,
  patientReference,
  patientTokens,
  personOf,
} from '../audit/query/patient.ts';
import type { AskedQuestion } from '../audit/query/question-record.ts';
import { nowMs } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { atAuditDesk } from './audit-desk.ts';
import { patientId, timeOf } from './audit-query-command.ts';
import { EXIT, note, print, table } from './terminal.ts';

export interface DisclosuresOptions {
  readonly config: string;
  readonly json: boolean;
  readonly index?: string;
  readonly html?: string;
  readonly csv?: string;
  readonly from?: string;
  readonly to?: string;
  readonly recipients?: string;
  readonly holds?: string;
  readonly form: string;
  readonly withExempt: boolean;
}

/** Readable by its owner alone: it is about a patient. */
const OWNER_ONLY = 0o600;

export async function auditDisclosuresCommand(patient: string, options: DisclosuresOptions): Promise<number> {
  const { form } = options;
  if (form !== 'full' && form !== 'summary')
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--form', expected: 'full or summary' });
  const now = nowMs();
  const six = lookBack(options.to === undefined ? now : timeOf('--to', options.to));
  const period = options.from === undefined ? six : { ...six, fromMs: timeOf('--from', options.from) };
  const recipients = options.recipients ? await loadRecipients(options.recipients) : new Map();
  const holds = options.holds ? await loadHolds(options.holds) : [];
  const id = await patientId(patient);
  return await atAuditDesk(options, async ({ index, keyring, aliases, record }) => {
    const tokens = patientTokens(keyring, id, aliases);
    const { withExempt } = options;
    const isPerson = personOf(keyring, aliases);
    const facts = { period, form, withExempt, recipients, holds, personOf: isPerson, nowMs: now } as const;
    const { account, omitted } = accounting(index, tokens, facts);
    const words = [patientReference(tokens), account.from, account.to, form, String(withExempt)];
    const merges = mergesAsked(aliases);
    await record(
      recordOf(account, omitted, words).map((each) => ({ ...each, ext: { ...each.ext, ...merges } })),
    );
    if (options.html) await written(options.html, accountPage(account, id));
    if (options.csv) await written(options.csv, accountCsv(account));
    if (options.json) print(JSON.stringify(account));
    else if (!options.html && !options.csv) for (const line of accountLines(account)) print(line);
    else note(`${account.counted} disclosures that count`);
    return EXIT.ok;
  });
}

/** One event for the account, one for each suspension that left something out. */
function recordOf(
  { form, counted, disclosures, series, research }: AccountingAnswer,
  omitted: readonly Omission[],
  words: readonly string[],
): readonly AskedQuestion[] {
  const name = 'disclosures';
  const results = (form === 'full' ? disclosures.length : series.length) + research.length;
  return [
    { type: 'subject.disclosure_report', name, words, results, ext: { form, counted: String(counted) } },
    ...omitted.map(({ hold, disclosures: left }) => ({
      type: 'subject.disclosure_withheld' as const,
      name,
      words,
      results: left,
      ext: { hold },
    })),
  ];
}

function accountLines({
  form,
  disclosures,
  series,
  research,
  ids,
  counted,
  from,
  to,
  remarks,
}: AccountingAnswer): string[] {
  const rows =
    form === 'full'
      ? disclosures.map((each) => [each.date, 1, each.date, each.recipient, each.purpose, each.accounting])
      : series.map(({ first, count, last }) => [
          first.date,
          count,
          last,
          first.recipient,
          first.purpose,
          first.accounting,
        ]);
  return [
    `${counted} disclosures count, from ${from} to ${to}`,
    ...joinedWords(ids),
    ...(rows.length > 0 ? table(['first', 'times', 'last', 'recipient', 'purpose', 'class'], rows) : []),
    ...research.map(({ protocol, recipient }) => `research protocol ${protocol.name}, to ${recipient}`),
    ...remarks.map((remark) => `incomplete: ${remark}`),
  ];
}

async function written(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { mode: OWNER_ONLY });
  } catch {
    throw new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file });
  }
}
