/**
 * How the verification of the audit topics stands, in words for auditors: the verdict, what was found, how fresh it is,
 * and what is amiss with the work itself.
 */
import { FINDING_CLASSES } from '../../audit/verify/finding.ts';
import type { Finding } from '../../audit/verify/finding.ts';
import { placeText } from '../../audit/verify/report.ts';
import type { AuditStatus, Verification } from '../audit-status.ts';
import { durationWords, timeWords } from '../request-words.ts';
import { QUESTION_FORMS } from './audit-forms.ts';
import { alert, told } from './frame.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { table, wordList } from './pieces.ts';
import { count } from './request-list.ts';

const FINDINGS_SHOWN = 50;
const MINUTE_MS = 60_000;

export function statusView(status: AuditStatus, nowMs: number): Html {
  const { verification, troubles } = status;
  return html`${troubles.map(({ part, message, action }) =>
      alert(TROUBLE_HEADS[part], html`<p>${message} ${action}</p>`),
    )}
    <section>
      <h2>Verification</h2>
      ${verification ? verdictView(verification) : html`<p>No verification has come to its end yet.</p>`}
      ${wordList([...(verification ? freshness(verification, nowMs) : []), ...progress(status)])}
      ${verification ? found(verification) : null}
    </section>
    ${questionList()}`;
}

const TROUBLE_HEADS = {
  connection: 'The audit topics are out of reach',
  index: 'Questions wait',
  verification: 'The verification waits',
} as const;

/** What can be asked, each on a page of its own. */
function questionList(): Html {
  return html`<section>
    <h2>Ask</h2>
    <p>Each question is put on record under your name before its answer is shown.</p>
    <ul class="cards">
      ${Object.entries(QUESTION_FORMS).map(
        ([name, { title, about }]) =>
          html`<li>
            <h3><a href="/audit/${name}">${title}</a></h3>
            <p>${about}</p>
          </li>`,
      )}
    </ul>
  </section>`;
}

function verdictView({ report: { verdict, sentences } }: Verification): Html {
  const [first = '', ...rest] = sentences;
  const others = rest.map((sentence) => html`<p>${sentence}</p>`);
  if (verdict === 'sound') return html`${told(first)} ${others}`;
  if (verdict === 'broken') return html`${alert('Not sound', html`<p>${first}</p>`)} ${others}`;
  return html`<p><span class="state">Not all could be checked</span></p>
    <p>${first}</p>
    ${others}`;
}

function freshness(
  { report, checkpointSeals, cosignedSeals, quorum, witnesses, tookMs }: Verification,
  nowMs: number,
): readonly (readonly [string, string])[] {
  const { seals, lastSealedAtMs } = report.totals;
  return [
    ['as of', `${timeWords(report.asOf)}, in ${(tookMs / 1000).toFixed(1)} s`],
    ['newest seal', lastSealedAtMs === null ? 'there is none' : `${ageWords(nowMs - lastSealedAtMs)} old`],
    ['newest checkpoint', `over ${checkpointSeals} of ${count(seals, 'seal')}`],
    ['cosignatures', quorumWords(quorum, witnesses, cosignedSeals, seals)],
  ];
}

function quorumWords(
  quorum: number | null,
  witnesses: number | null,
  cosigned: number,
  seals: number,
): string {
  if (quorum === null || witnesses === null) return 'no trust file is configured: nobody can tell';
  if (witnesses === 0 || quorum === 0) return 'the trust file asks for none';
  const all = witnesses === 1 ? '1 witness' : `${witnesses} witnesses`;
  return `${quorum} of ${all} must cosign; ${cosigned} of ${count(seals, 'seal')} are cosigned so`;
}

/** Seconds below two minutes, then as people say minutes. */
function ageWords(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return seconds < 120 ? `${seconds} s` : durationWords(ms / MINUTE_MS);
}

function progress({ verifying, indexed, indexing }: AuditStatus): readonly (readonly [string, string])[] {
  const share = (done: number, all: number): string =>
    `${all > 0 ? Math.min(100, Math.floor((100 * done) / all)) : 0} % of ${count(all, 'record')}`;
  return [
    ...(verifying ? [['now verifying', share(verifying.done, verifying.all)] as const] : []),
    ...(indexing ? [['now indexing', share(indexing.read, indexing.of)] as const] : []),
    ['index up to', indexed === null ? 'not complete yet' : timeWords(indexed)],
  ];
}

function found({ report: { counts, findings } }: Verification): Html {
  const all = FINDING_CLASSES.reduce((sum, name) => sum + counts[name], 0);
  const rows = FINDING_CLASSES.map(
    (name) =>
      html`<tr>
        <th scope="row">${name}</th>
        <td>${counts[name]}</td>
        <td>${CLASS_WORDS[name]}</td>
      </tr>`,
  );
  return html`${table('Findings, by class', ['Class', 'Count', 'What it says'], rows)}
  ${
    findings.length > 0
      ? table(
          'What was found, and what it means',
          ['Finding', 'Where', 'Meaning'],
          findings.slice(0, FINDINGS_SHOWN).map(findingRow),
        )
      : null
  }
  ${
    all > FINDINGS_SHOWN
      ? html`<p class="muted">
          ${count(all, 'finding')} in all; <code>gauze audit verify</code> prints more.
        </p>`
      : null
  }`;
}

function findingRow({ name, class: cls, meaning, place, detail }: Finding): Html {
  return html`<tr>
    <td>${cls}<br /><code>${name}</code></td>
    <td>${placeText(place)}</td>
    <td>${meaning} <span class="said">${detail}</span></td>
  </tr>`;
}

const CLASS_WORDS = {
  TAMPERED: 'bytes, order or signatures are not what was sealed',
  INCOMPLETE: 'something that was read, or was there before, is not on record',
  UNSEALED: 'recorded, and not under a seal yet',
  STALE: 'signs of life are overdue',
  UNVERIFIABLE: 'something is not at hand, so it could not be checked',
  DECLARED: 'out of the ordinary, and on record',
} as const;
