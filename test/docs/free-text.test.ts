/**
 * The figures of docs/free-text.md are those of the code, and keep what was promised. Needs the public data.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parsePolicy } from '../../policy/policy-file.ts';
import {
  hasFreeTextData,
  measureKnown,
  measureLabels,
  measureMedicalWords,
} from '../../scripts/free-text-measures.ts';
import { STRUCTURED_LABELS, withFigures, withoutTimes } from '../../scripts/free-text-page.ts';

const page = readFileSync(fileURLToPath(new URL('../../docs/free-text.md', import.meta.url)), 'utf8');
const withData = hasFreeTextData() ? describe : describe.skip;

withData('free text (needs ../shared/data)', () => {
  test('the page has the figures that are measured now', () => {
    expect(withoutTimes(page)).toBe(withoutTimes(withFigures(page)));
  });

  test('every known value is gone, by known values alone and by all of scrub', () => {
    const { notes, planted } = measureKnown();
    expect(notes.texts).toBe(122);
    expect(Math.min(notes.before, planted.before)).toBeGreaterThan(500);
    expect([notes.afterKnown, notes.after, planted.afterKnown, planted.after]).toEqual([0, 0, 0, 0]);
  });

  test.each(['synth_dataset_v2.half.json', 'generated_small.json'])(
    '%s: recall of structured identifiers is 0.98 at least, of names better than 0.61',
    (file) => {
      const { labels } = measureLabels(file);
      const recall = (label: string): number => labels.get(label)!.covered / labels.get(label)!.all;
      const low = STRUCTURED_LABELS.filter((label) => labels.has(label) && recall(label) < 0.98);
      expect(low).toEqual([]);
      expect(recall('PERSON')).toBeGreaterThan(0.61);
    },
  );

  test('hardly a medical word is taken for an identifier', () => {
    const { displayWords, displayFindings, termWords, termFindings } = measureMedicalWords();
    expect(displayWords).toBeGreaterThan(900);
    expect(displayFindings / displayWords).toBeLessThan(0.01);
    expect(termFindings / termWords).toBeLessThan(0.02);
  });
});

test('the page shows a policy that is one', () => {
  const [text = ''] = /(?<=```yaml\n)[\s\S]*?(?=```)/.exec(page) ?? [];
  expect(parsePolicy(text, 'docs/free-text.md').methods.get('PHI_FREE_TEXT')).toEqual({ method: 'scrub' });
});
