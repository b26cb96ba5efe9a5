/**
 * The questions of auditors as forms, and the questions that come of what was sent. The id of a patient stands in the
 * body of a form that is sent, and in the same form when it is shown again; never in an address or a title.
 */
import type { AuditQuestion } from '../audit-question.ts';
import {
  disclosuresBody,
  disclosuresQuestion,
  eventBody,
  eventQuestion,
  exportsBody,
  exportsQuestion,
  generalBody,
  generalQuestion,
  grantBody,
  grantQuestion,
  principalBody,
  principalQuestion,
  whoSawBody,
  whoSawQuestion,
} from '../http/audit-bodies.ts';
import { checked } from './form-bodies.ts';
import { momentOf, numberOf, selectInput, textInput, ticks, valueOf, valuesOf } from './forms.ts';
import type { FormState, FormValues } from './forms.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';

/** One question as a page. */
export interface QuestionForm {
  /** Of the page: names nobody. */
  readonly title: string;
  /** What it answers, in a sentence. */
  readonly about: string;
  readonly inputs: (state: FormState) => Html | null;
  /** Throws what does not fit, by input. */
  readonly question: (form: FormValues) => AuditQuestion;
  /** Buttons beside the first: the value of `as`, and what stands on them. */
  readonly files?: readonly (readonly [string, string])[];
}

const PATIENT_HINT =
  'As the records hold it. It goes into keyed tokens, and neither into the address of the page nor into any log.';

function patientInput(state: FormState): Html {
  return textInput(state, { name: 'patient', label: 'Patient', hint: PATIENT_HINT, required: true });
}

function periodInputs(state: FormState, hint: string): Html {
  return html`${textInput(state, { name: 'from', label: 'From (UTC)', hint, type: 'datetime-local' })}
  ${textInput(state, { name: 'to', label: 'Before (UTC)', type: 'datetime-local' })}`;
}

/** All questions that have a page, by the last part of its path. */
export const QUESTION_FORMS: Readonly<Record<string, QuestionForm>> = {
  'who-saw': {
    title: 'Who saw a patient',
    about: 'Every delivery of records about one person: through what, to whom, which fields in clear.',
    inputs: (state) =>
      html`${patientInput(state)} ${periodInputs(state, 'When it was recorded. Empty: from the beginning.')}
      ${ticks(state, {
        name: 'events',
        label: 'How much',
        choices: [{ value: 'yes', text: 'Every single event, not only totals' }],
        ticked: () => false,
      })}`,
    question: (form) =>
      whoSawQuestion(
        checked(whoSawBody, {
          patient: valueOf(form, 'patient'),
          from: momentOf(form, 'from'),
          to: momentOf(form, 'to'),
          events: valuesOf(form, 'events').includes('yes'),
          ...skipOf(form),
        }),
      ),
  },
  exports: {
    title: 'Identifiers in clear on a day',
    about: 'Did anybody get patient identifiers in clear on a day? A no comes with what proves it.',
    inputs: (state) => textInput(state, { name: 'day', label: 'Day (UTC)', type: 'date', required: true }),
    question: (form) => exportsQuestion(checked(exportsBody, { day: valueOf(form, 'day'), ...skipOf(form) })),
  },
  principal: {
    title: 'What somebody did or was given',
    about: 'All that is on record of one Kafka user, audience or person.',
    inputs: (state) =>
      textInput(state, {
        name: 'principal',
        label: 'Who',
        hint: 'A Kafka user such as User:alice, an audience, or the id of a person.',
        required: true,
      }),
    question: (form) =>
      principalQuestion(checked(principalBody, { principal: valueOf(form, 'principal'), ...skipOf(form) })),
  },
  grant: {
    title: 'What a grant delivered',
    about: 'Every delivery under one grant, and every step of it.',
    inputs: (state) =>
      textInput(state, { name: 'grant', label: 'Grant', hint: 'Its id, 16 characters.', required: true }),
    question: (form) => grantQuestion(checked(grantBody, { grant: valueOf(form, 'grant'), ...skipOf(form) })),
  },
  'overdue-grants': {
    title: 'Deliveries after the end of a grant',
    about: 'Whatever was delivered after its grant had ended. There must be none.',
    inputs: () => null,
    question: (form) => generalQuestion('overdue-grants', checked(generalBody, skipOf(form))),
  },
  'double-approvals': {
    title: 'One person counted twice',
    about: 'Approvals in which one human fills two places. There must be none.',
    inputs: () => null,
    question: (form) => generalQuestion('double-approvals', checked(generalBody, skipOf(form))),
  },
  cutoffs: {
    title: 'How fast an end was an end',
    about: 'From an end that people ordered until the last record that was delivered.',
    inputs: () => null,
    question: (form) => generalQuestion('cutoffs', checked(generalBody, skipOf(form))),
  },
  disclosures: {
    title: 'Accounting of disclosures',
    about: 'What 45 CFR 164.528 gives a patient: recipients, purposes, dates of six years.',
    inputs: (state) =>
      html`${patientInput(state)} ${periodInputs(state, 'Empty: six years before the end.')}
      ${selectInput(state, {
        name: 'form',
        label: 'Form',
        choices: [
          { value: 'summary', text: 'Summary: several to one recipient in one line' },
          { value: 'full', text: 'Full: each disclosure' },
        ],
        required: true,
      })}
      ${ticks(state, {
        name: 'withExempt',
        label: 'What is exempt',
        choices: [{ value: 'yes', text: 'List what needs no accounting too; it is not counted' }],
        ticked: () => false,
      })}`,
    question: (form) =>
      disclosuresQuestion(
        checked(disclosuresBody, {
          patient: valueOf(form, 'patient'),
          from: momentOf(form, 'from'),
          to: momentOf(form, 'to'),
          form: valueOf(form, 'form'),
          withExempt: valuesOf(form, 'withExempt').includes('yes'),
          file: ['html', 'csv'].includes(wantedAs(form)) ? wantedAs(form) : undefined,
          ...skipOf(form),
        }),
      ),
    files: [
      ['html', 'Download to print'],
      ['csv', 'Download as CSV'],
    ],
  },
  event: {
    title: 'One event with its proof',
    about: 'What an audit event says, once every step of its proof was checked.',
    inputs: (state) =>
      html`${textInput(state, {
        name: 'partition',
        label: 'Partition',
        hint: 'Answers name an event by partition / offset.',
        type: 'number',
        min: 0,
        required: true,
      })}
      ${textInput(state, { name: 'offset', label: 'Offset', type: 'number', min: 0, required: true })}`,
    question: (form) =>
      eventQuestion(
        checked(eventBody, { partition: numberOf(form, 'partition'), offset: numberOf(form, 'offset') }),
      ),
    files: [['proof', 'Download the proof']],
  },
};

/** Which button was pressed; empty for the one that shows. */
export function wantedAs(form: FormValues): string {
  return valueOf(form, 'as') ?? '';
}

function skipOf(form: FormValues): { readonly skip?: number | string } {
  const skip = numberOf(form, 'skip');
  return skip === undefined ? {} : { skip };
}
