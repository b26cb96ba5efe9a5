/**
 * The report of a verification: its verdict, what was looked at in sentences, all findings. As JSON, and as one page of
 * HTML that needs nothing else. It adds no judgement to the findings.
 */
import { FINDING_CLASSES } from './finding.ts';
import type { Finding, FindingClass, FindingPlace } from './finding.ts';
import type { VerifyResult, VerifyTotals } from './verifier.ts';

/** `sound`: nothing found but what was declared; `broken`: changed or incomplete; `open`: not all could be checked. */
export type Verdict = 'sound' | 'broken' | 'open';

export interface AuditReport {
  readonly verdict: Verdict;
  readonly clusterId: string;
  readonly origin: string | null;
  /** ISO 8601. */
  readonly asOf: string;
  readonly counts: Readonly<Record<FindingClass, number>>;
  readonly totals: VerifyTotals;
  readonly sentences: readonly string[];
  readonly findings: readonly Finding[];
}

/** What was found, for people and scripts. */
export function auditReport({ findings, totals, asOfMs, clusterId, origin }: VerifyResult): AuditReport {
  const counts = Object.fromEntries(FINDING_CLASSES.map((cls) => [cls, 0])) as Record<FindingClass, number>;
  for (const name of findings.names()) {
    const row = findings.all.find((finding) => finding.name === name);
    if (row) counts[row.class] += findings.count(name);
  }
  const sorted = [...findings.all].sort(
    (a, b) => FINDING_CLASSES.indexOf(a.class) - FINDING_CLASSES.indexOf(b.class),
  );
  return {
    verdict: verdictOf(counts),
    clusterId,
    origin,
    asOf: new Date(asOfMs).toISOString(),
    counts,
    totals,
    sentences: sentencesOf(totals, counts),
    findings: sorted,
  };
}

function verdictOf(counts: Readonly<Record<FindingClass, number>>): Verdict {
  if (counts.TAMPERED + counts.INCOMPLETE > 0) return 'broken';
  return counts.UNSEALED + counts.STALE + counts.UNVERIFIABLE > 0 ? 'open' : 'sound';
}

function sentencesOf(
  totals: VerifyTotals,
  counts: Readonly<Record<FindingClass, number>>,
): readonly string[] {
  const { events, eventsInAll, seals, cosignedSeals, openChains, domains, unsealed, recounted } = totals;
  const before = eventsInAll > events ? `, ${eventsInAll} with earlier runs` : '';
  const verdict = {
    broken: 'The audit log is NOT sound: something was changed, or is missing.',
    open: 'Nothing speaks against the audit log, but not all of it could be checked.',
    sound: 'The audit log is sound: all that was sealed is there, unchanged and complete.',
  }[verdictOf(counts)];
  return [
    verdict,
    `${events} events were checked${before}; ${openChains} chains are open; ${domains} readers' positions tile.`,
    seals === 0
      ? 'There are no seals.'
      : `${seals} seals; ${cosignedSeals} of them are cosigned by witnesses. ` +
        `${unsealed} events wait for their seal.`,
    ...(recounted > 0 ? [`${recounted} ranges were counted again at their source.`] : []),
  ];
}

/** Coordinates in one line. */
export function placeText(place: FindingPlace): string {
  const { topic, partition, offset, chain, seq, group, source, sourcePartition, from, to, seal, file } =
    place;
  return [
    topic === undefined ? '' : `${topic}${partition === undefined ? '' : `/${partition}`}`,
    offset === undefined ? '' : `@${offset}`,
    chain === undefined ? '' : `chain ${chain.slice(0, 12)}${seq === undefined ? '' : ` event ${seq}`}`,
    group === undefined ? '' : `group ${group}`,
    source === undefined ? '' : `${source}/${sourcePartition ?? '?'}`,
    from === undefined ? '' : `${from} to ${to ?? '?'}`,
    seal === undefined ? '' : `seal ${seal}`,
    file ?? '',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

const STYLE =
  'body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}' +
  'table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #d0d7de;padding:.4rem;text-align:left;' +
  'vertical-align:top}code{font-size:.9em}.broken{color:#a40e26}.open{color:#7d4e00}.sound{color:#116329}';

/** One page; every name in it is escaped. */
export function reportHtml(report: AuditReport): string {
  const rows = report.findings.map(
    ({ name, class: cls, meaning, place, detail }) =>
      `<tr><td>${cls}</td><td><code>${name}</code></td><td>${escaped(placeText(place))}</td>` +
      `<td>${escaped(meaning)} <em>${escaped(detail)}</em></td></tr>`,
  );
  const [verdict = '', ...sentences] = report.sentences;
  const counts = FINDING_CLASSES.map((cls) => `${cls} ${report.counts[cls]}`).join(' · ');
  const table =
    rows.length === 0
      ? '<p>No findings.</p>'
      : `<table><thead><tr><th>class<th>finding<th>where<th>meaning</tr></thead><tbody>${rows.join('\n')}</tbody></table>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Audit verification</title><style>${STYLE}</style></head>
<body><h1>Audit verification</h1>
<p class="${report.verdict}"><strong>${escaped(verdict)}</strong></p>
${sentences.map((sentence) => `<p>${escaped(sentence)}</p>`).join('\n')}
<p>Log ${escaped(report.origin ?? 'without a trust file')} of cluster ${escaped(report.clusterId)}, as of ${report.asOf}. ${counts}.</p>
${table}
</body></html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
