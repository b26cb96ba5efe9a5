/**
 * Two files that an accounting of disclosures needs beside the audit topics: who recipients are (names and addresses,
 * protocols of research), and which suspensions an agency or official has asked for. Wrong files stop the accounting.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';
import { YamlFile } from '../../platform/yaml-file.ts';
import { DAY_MS } from '../query/answer.ts';

const party = z.strictObject({
  name: z.string().min(1),
  address: z.string().min(1),
  phone: z.string().optional(),
});

/** 45 CFR 164.528(b)(4)(i): what the account says in place of single disclosures for research. */
const protocol = z.strictObject({
  name: z.string().min(1),
  description: z.string().min(1),
  /** Purpose of the research, and by which criteria records were selected. */
  criteria: z.string().min(1),
  sponsor: party,
  researcher: party,
});

const recipient = z.strictObject({
  name: z.string().min(1),
  address: z.string().min(1).optional(),
  protocol: protocol.optional(),
});

const recipientsFile = z.strictObject({ recipients: z.record(z.string().min(1), recipient) });

const when = z.iso.date().or(z.iso.datetime({ offset: true }));

/** 164.528(a)(2): a statement suspends the account for a time; an oral one for 30 days at most. */
const hold = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
  /** Recipient whose disclosures are not told: the agency or official. */
  recipient: z.string().min(1),
  agency: z.string().min(1),
  statement: z.enum(['written', 'oral']),
  from: when,
  until: when,
});

const holdsFile = z.strictObject({ holds: z.array(hold) });

export type Recipient = z.output<typeof recipient>;
export type Protocol = z.output<typeof protocol>;

/** A suspension; times in milliseconds since the epoch. */
export interface Hold {
  readonly id: string;
  readonly recipient: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** 164.528(a)(2)(ii)(C) */
const ORAL_MAX_MS = 30 * DAY_MS;

/** Recipients by audience or principal. Throws ERR_AUDIT_HOLDS_FILE and what is wrong with its text. */
export async function loadRecipients(file: string): Promise<ReadonlyMap<string, Recipient>> {
  const { recipients } = await loaded(
    file,
    recipientsFile,
    'recipients: { <audience or principal>: { name, address } }',
  );
  return new Map(Object.entries(recipients));
}

/** Suspensions. Throws ERR_AUDIT_HOLDS_FILE, also for an oral statement of more than 30 days. */
export async function loadHolds(file: string): Promise<readonly Hold[]> {
  const { holds } = await loaded(
    file,
    holdsFile,
    'holds: [{ id, recipient, agency, statement, from, until }]',
  );
  return holds.map(({ id, recipient: whom, statement, from, until }) => {
    const [fromMs, untilMs] = [Date.parse(from), Date.parse(until)];
    if (untilMs <= fromMs) throw wrong(file, `until after from, in ${id}`);
    if (statement === 'oral' && untilMs - fromMs > ORAL_MAX_MS)
      throw wrong(file, `at most 30 days for an oral statement (45 CFR 164.528(a)(2)(ii)), in ${id}`);
    return { id, recipient: whom, fromMs, untilMs };
  });
}

async function loaded<T>(file: string, schema: z.ZodType<T>, expected: string): Promise<T> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    throw new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file });
  }
  const checked = schema.safeParse(YamlFile.parse(file, text).value());
  if (!checked.success) throw wrong(file, expected);
  return checked.data;
}

function wrong(file: string, expected: string): GauzeError {
  return new GauzeError('ERR_AUDIT_HOLDS_FILE', { file, expected });
}
