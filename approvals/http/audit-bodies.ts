/**
 * Bodies of questions to the audit topics, for the API and the pages alike, and the questions that they become. The id
 * of a patient stands in a body and nowhere else: no path and no query bears one.
 */
import { z } from 'zod';
import type { AuditQuestion, GeneralQuestionName, LineWindow } from '../audit-question.ts';
import { momentText, named, personText } from './api-schemas.ts';

/** Lines of an answer that are given at a time. */
export const LINES_SHOWN = 50;
const LINES_MAX = 500;

const lines = {
  skip: z
    .int()
    .min(0)
    .max(10_000_000)
    .default(0)
    .meta({ description: 'lines to leave out at the beginning' }),
  limit: z.int().min(1).max(LINES_MAX).default(LINES_SHOWN),
};
const patient = personText.meta({ description: 'an id of the patient, as records hold it' });
const dayText = z.iso.date().meta({ description: 'a day of UTC, such as 2026-06-12' });

export const whoSawBody = named(
  'WhoSawQuestion',
  z.strictObject({
    patient,
    from: momentText.optional(),
    to: momentText.optional(),
    events: z.boolean().default(false).meta({ description: 'each sighting too, not only totals' }),
    ...lines,
  }),
);
export const exportsBody = named('ExportsQuestion', z.strictObject({ day: dayText, ...lines }));
export const principalBody = named(
  'PrincipalQuestion',
  z.strictObject({
    principal: z
      .string()
      .regex(/^\S{1,200}$/)
      .meta({ description: 'a Kafka principal such as User:alice, an audience, or the id of a person' }),
    ...lines,
  }),
);
export const grantBody = named(
  'GrantQuestion',
  z.strictObject({ grant: z.string().regex(/^[0-9a-f]{16}$/), ...lines }),
);
export const generalBody = named('GeneralQuestion', z.strictObject(lines));
export const disclosuresBody = named(
  'DisclosuresQuestion',
  z.strictObject({
    patient,
    from: momentText.optional(),
    to: momentText.optional(),
    form: z.enum(['full', 'summary']).default('summary'),
    withExempt: z.boolean().default(false).meta({ description: 'list what needs no accounting too' }),
    file: z.enum(['html', 'csv']).optional().meta({ description: 'the whole account as text of a file too' }),
    ...lines,
  }),
);
export const eventBody = named(
  'EventQuestion',
  z.strictObject({ partition: z.int().min(0).max(1_000_000), offset: z.int().min(0) }),
);

type Body<S extends z.ZodType> = z.output<S>;
type Question<N extends AuditQuestion['name']> = Extract<AuditQuestion, { readonly name: N }>;

export function whoSawQuestion(body: Body<typeof whoSawBody>): Question<'who-saw'> {
  const { patient: id, from, to, events, ...window } = body;
  return { name: 'who-saw', patient: id, fromMs: msOf(from), toMs: msOf(to), events, ...window };
}

export function exportsQuestion({ day, ...window }: Body<typeof exportsBody>): Question<'exports'> {
  return { name: 'exports', dayMs: Date.parse(day), ...window };
}

export function principalQuestion(body: Body<typeof principalBody>): Question<'principal'> {
  return { name: 'principal', ...body };
}

export function grantQuestion(body: Body<typeof grantBody>): Question<'grant'> {
  return { name: 'grant', ...body };
}

export function generalQuestion<N extends GeneralQuestionName>(
  name: N,
  window: LineWindow,
): LineWindow & { readonly name: N } {
  return { name, ...window };
}

export function disclosuresQuestion(body: Body<typeof disclosuresBody>): Question<'disclosures'> {
  const { patient: id, from, to, form, withExempt, file, ...window } = body;
  const period = { fromMs: msOf(from), toMs: msOf(to) };
  return { name: 'disclosures', patient: id, ...period, form, withExempt, file: file ?? null, ...window };
}

export function eventQuestion(body: Body<typeof eventBody>): Question<'event'> {
  return { name: 'event', ...body };
}

function msOf(text: string | undefined): number | null {
  return text === undefined ? null : Date.parse(text);
}
