/**
 * The figures of docs/free-text.md, as the block between its two marks: made from the public data beside the
 * repository, so that they cannot be older than the code. Counts only.
 */
import { measureKnown, measureLabels, measureMedicalWords, measureTime } from './free-text-measures.ts';
import type { KnownFigures, LabelFigures } from './free-text-measures.ts';
import { table } from './markdown.ts';

const BEGIN = '<!-- figures: made by `node scripts/free-text-figures.ts`; do not edit -->';
const END = '<!-- end of figures -->';

/** Labels whose values have a form of their own, or a check digit. */
export const STRUCTURED_LABELS = [
  'US_SSN',
  'CREDIT_CARD',
  'IBAN_CODE',
  'EMAIL_ADDRESS',
  'IP_ADDRESS',
  'DOMAIN_NAME',
  'PHONE_NUMBER',
  'US_DRIVER_LICENSE',
] as const;
/** What the law lets stay, or what is nobody's: scrub leaves it by intent. */
const STAYS: Readonly<Record<string, string>> = {
  AGE: 'stays up to 89, 164.514(b)(2)(i)(C)',
  NRP: 'a nationality: stays',
  TITLE: 'a title or profession: stays',
  GPE: 'countries and States stay; towns go where they are recognised',
  LOCATION: 'countries and States stay; towns go where they are recognised',
  DATE_TIME: 'a year alone stays',
  ORGANIZATION: 'no recogniser of its own',
};

/** `page` with figures measured now. Milliseconds are of the machine at hand. */
export function withFigures(page: string): string {
  const [before, rest = ''] = page.split(BEGIN);
  const after = rest.split(END)[1] ?? '';
  return `${before}${BEGIN}\n\n${figures()}\n\n${END}${after}`;
}

/** The same without what differs from machine to machine. */
export function withoutTimes(page: string): string {
  return page.replaceAll(/[\d.]+ ms/g, 'some ms');
}

function figures(): string {
  const { notes, planted } = measureKnown();
  const half = measureLabels('synth_dataset_v2.half.json');
  const small = measureLabels('generated_small.json');
  const medical = measureMedicalWords();
  const time = measureTime();
  return [
    '### Known values',
    table(
      [
        'texts',
        'patients',
        'values',
        'stand in the texts',
        'left by known values alone',
        'left by all of scrub',
      ],
      [
        knownRow(`${notes.texts} clinical notes (smart-bulk-fhir)`, notes),
        knownRow(
          `${planted.texts} texts with every rendering of every value of a patient (made of smart-bulk-fhir)`,
          planted,
        ),
      ],
    ),
    '### Labelled sentences, recognisers alone',
    `${half.sentences} sentences of presidio-research (every second one of synth_dataset_v2), and ${small.sentences} of generated_small, on which the recognisers were developed. Covered: 90 % of the characters of a label at least.`,
    labelTable(half, small),
    'Surrogates that touch no label, of the same two sets (some of them are names that were not labelled):',
    table(
      ['surrogate', 'put in', 'touch a label', 'precision'],
      [...both(half.surrogates, small.surrogates)].map(([kind, [all, labelled]]) => [
        `[${kind}]`,
        String(all),
        String(labelled),
        share(labelled, all),
      ]),
    ),
    '### Medical words taken for identifiers, recognisers alone',
    table(
      ['words', 'how many', 'taken for an identifier'],
      [
        [
          `${medical.displays} names of observations, encounters and reasons (synthea-smart), as they are written`,
          String(medical.displayWords),
          String(medical.displayFindings),
        ],
        [
          'conditions, drugs and procedures of the notes, each word made to begin with a capital, in a sentence',
          String(medical.termWords),
          String(medical.termFindings),
        ],
      ],
    ),
    '### Time',
    `${time.ms.toFixed(1)} ms for a note of ${Math.round(time.characters)} characters on average, known values and all, on one of two busy cores.`,
  ].join('\n\n');
}

function knownRow(what: string, each: KnownFigures): string[] {
  return [what, ...[each.patients, each.values, each.before, each.afterKnown, each.after].map(String)];
}

function labelTable(half: LabelFigures, small: LabelFigures): string {
  const labels = [...new Set([...half.labels.keys(), ...small.labels.keys()])].toSorted();
  const cells = ({ labels: of }: LabelFigures, label: string): string[] => {
    const counts = of.get(label);
    return counts ? [`${counts.covered} of ${counts.all}`, share(counts.covered, counts.all)] : ['-', '-'];
  };
  return table(
    ['label', 'half', 'recall', 'small', 'recall', ''],
    labels.map((label) => [label, ...cells(half, label), ...cells(small, label), STAYS[label] ?? '']),
  );
}

function both<K, V extends { readonly all: number; readonly labelled: number }>(
  ...maps: readonly ReadonlyMap<K, V>[]
): Map<K, [number, number]> {
  const sums = new Map<K, [number, number]>();
  for (const map of maps)
    for (const [key, { all, labelled }] of map) {
      const sum = sums.get(key) ?? [0, 0];
      sums.set(key, [sum[0] + all, sum[1] + labelled]);
    }
  return sums;
}

function share(part: number, all: number): string {
  return (part / all).toFixed(3);
}
