/**
 * An accounting of disclosures as a page to print and as CSV. Everything that is not ours is escaped; a cell that a
 * spreadsheet would take for a formula is made text.
 */
import { joinedWords } from '../query/patient.ts';
import { csvLine } from '../export/csv-line.ts';
import type { AccountingAnswer, Disclosure, DisclosureSeries, ResearchDisclosure } from './disclosures.ts';

const STYLE = `body { font: 11pt/1.4 serif; margin: 2cm; } table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid gray; padding: 3pt 5pt; text-align: left; vertical-align: top; font-size: 9pt; }
h1 { font-size: 15pt; } h2 { font-size: 12pt; } .exempt { color: gray; } @page { margin: 1.5cm; }`;

/** Columns of 164.528(b)(2), then of (b)(3). */
const COLUMNS = [
  'Date',
  'Recipient',
  'Address',
  'What was disclosed',
  'Purpose',
  'Class',
  'Counted',
  'Event',
];
const SERIES_COLUMNS = ['First', 'Times', 'Last', ...COLUMNS.slice(1)];

/** @param person how the account names the person, as the one who asks for it writes it */
export function accountPage(account: AccountingAnswer, person: string): string {
  const { from, to, form, disclosures, series, research, ids, counted, remarks } = account;
  const rows = form === 'full' ? disclosures.map(cellsOf) : series.map(seriesCellsOf);
  const heads = form === 'full' ? COLUMNS : SERIES_COLUMNS;
  const isExempt = (form === 'full' ? disclosures : series).map(({ isCounted }) => !isCounted);
  const body = [
    '<h1>Accounting of disclosures</h1>',
    `<p>45 CFR 164.528. Person: ${escaped(person)}. From ${escaped(from)} to ${escaped(to)}. ${counted} disclosures count.</p>`,
    ...joinedWords(ids).map((words) => `<p>${escaped(words)}.</p>`),
    rows.length > 0 ? tableOf(heads, rows, isExempt) : '<p>No disclosure that has to be accounted for.</p>',
    ...research.map(researchText),
    ...(remarks.length > 0
      ? [
          '<h2>What this account may lack</h2>',
          `<ul>${remarks.map((each) => `<li>${escaped(each)}</li>`).join('')}</ul>`,
        ]
      : []),
  ];
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Accounting of disclosures</title>\n<style>${STYLE}</style></head>\n<body>\n${body.join('\n')}\n</body></html>\n`;
}

/** RFC 4180. */
export function accountCsv({ form, disclosures, series, research }: AccountingAnswer): string {
  const rows = form === 'full' ? disclosures.map(cellsOf) : series.map(seriesCellsOf);
  const heads = form === 'full' ? COLUMNS : SERIES_COLUMNS;
  const protocols = research.map(({ recipient, protocol, description, first, last }) => [
    first,
    ...(form === 'full' ? [] : ['may or may not be among them', last]),
    recipient,
    `${protocol.researcher.name}, ${protocol.researcher.address}`,
    description,
    `research protocol ${protocol.name}: ${protocol.criteria}`,
    '164.528(b)(4)',
    '',
    '',
  ]);
  return [heads, ...rows, ...protocols].map(csvLine).join('');
}

function cellsOf({ date, ...rest }: Disclosure): string[] {
  return [date, ...detailsOf(rest)];
}

function seriesCellsOf({ first, count, last }: DisclosureSeries): string[] {
  const { date, ...rest } = first;
  return [date, String(count), last, ...detailsOf(rest)];
}

function detailsOf(disclosure: Omit<Disclosure, 'date'>): string[] {
  const { recipient, address, description, purpose, accounting, isCounted, isCertain, event } = disclosure;
  return [
    recipient,
    address ?? 'not known',
    isCertain ? description : `at most ${description}`,
    purpose,
    accounting,
    isCounted ? 'yes' : 'no',
    `${event.partition}/${event.offset}`,
  ];
}

/** 164.528(b)(4)(i)(A) to (F). */
function researchText({ recipient, protocol, description, first, last }: ResearchDisclosure): string {
  const { name, criteria, sponsor, researcher } = protocol;
  const party = (who: typeof sponsor): string =>
    escaped([who.name, who.address, who.phone].filter((each) => each !== undefined).join(', '));
  return [
    `<h2>Research: ${escaped(name)}</h2>`,
    `<p>${escaped(protocol.description)} Purpose and criteria: ${escaped(criteria)} Kinds of data: ${escaped(description)}.`,
    `Disclosed to ${escaped(recipient)} between ${escaped(first)} and ${escaped(last)}, the last date of which is known.`,
    `Sponsor: ${party(sponsor)}. Researcher: ${party(researcher)}.`,
    'Protected health information of the person may or may not have been disclosed for this protocol.</p>',
  ].join('\n');
}

function tableOf(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  exempt: readonly boolean[],
): string {
  const head = `<tr>${heads.map((each) => `<th>${escaped(each)}</th>`).join('')}</tr>`;
  const lines = rows.map((cells, i) => {
    const line = cells.map((cell) => `<td>${escaped(cell)}</td>`).join('');
    return exempt[i] ? `<tr class="exempt">${line}</tr>` : `<tr>${line}</tr>`;
  });
  return `<table>\n${[head, ...lines].join('\n')}\n</table>`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
