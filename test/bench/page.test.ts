import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { figureText, ratioText, spreadText, wholeFigure } from '../../bench/figures.ts';
import { PAGE_PATHS, section, withSections } from '../../bench/page.ts';
import { percentiles } from '../../bench/percentiles.ts';
import { renderPlot } from '../../bench/plot.ts';
import { readRecorded } from '../../bench/record.ts';
import type { Recorded } from '../../bench/record.ts';

const MACHINE = { cpu: 'A CPU', cores: 2, memoryGiB: 8, node: '24.0.0', kafka: '4.3.1', java: 25 };

function recorded(name: string): Recorded {
  const series = [
    { name: 'p50', points: [{ x: '10 %', y: 5 }] },
    { name: 'p99', points: [{ x: '10 %', y: 50, low: 40, high: 60 }] },
  ];
  const picture = { name, title: 'A & B', x: 'load', y: 'ms', series } as const;
  return {
    name,
    date: '2026-01-02',
    command: `npm run bench -- --only=${name}`,
    seconds: 3,
    machine: MACHINE,
    table: {
      title: 'A table',
      columns: ['arm', 'CPU us/record'],
      rows: [
        ['one|two', 1234],
        ['three', '0.5'],
      ],
      notes: ['How it was measured.'],
      plots: [{ ...picture, kind: 'bars', isLog: true }],
    },
  };
}

/** Prettier aligns tables and may break no other line. */
function words(text: string): string {
  // Rules of narrow columns are shorter.
  return text.replaceAll(/-{2,}(?=:? \|)/g, '---').replaceAll(/[ \n]+/g, ' ');
}

describe('docs/performance.md', () => {
  const results = existsSync(PAGE_PATHS.results)
    ? readRecorded(PAGE_PATHS.results)
    : Promise.resolve(new Map());

  test('says what was recorded, and nothing else between the marks', async () => {
    const page = readFileSync(PAGE_PATHS.page, 'utf8');
    expect(words(withSections(page, (await results).values()))).toBe(words(page));
  });

  test('shows the pictures of what was recorded', async () => {
    for (const { table } of (await results).values() as Iterable<Recorded>)
      for (const plot of table.plots ?? [])
        expect(readFileSync(join(PAGE_PATHS.plots, `${plot.name}.svg`), 'utf8')).toBe(renderPlot(plot));
  });

  test('has a place for each benchmark', () => {
    const page = readFileSync(PAGE_PATHS.page, 'utf8');
    const run = readFileSync(join(PAGE_PATHS.results, '../run.ts'), 'utf8');
    const names = [...run.matchAll(/^ {2}'?([a-z-]+)'?: bench[A-Z]/gm)].map(([, name]) => name!);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) expect(page).toContain(`<!-- measured: ${name} -->`);
  });
});

describe('a section', () => {
  test('replaces what stood between its marks, and only that', () => {
    const page = 'before\n<!-- measured: x -->\nold\n<!-- end of x -->\nafter';
    const text = withSections(page, [recorded('x')]);
    expect(text).toContain(section(recorded('x')));
    expect(text).toMatch(/^before[^]*after$/);
    expect(text).not.toContain('old');
  });

  test('holds figures, notes, pictures, day, command and machine', () => {
    const text = section(recorded('x'));
    expect(text).toContain('| one\\|two | 1,234 |');
    expect(text).toContain('| --- | ---: |');
    expect(text).toContain('![A & B](plots/x.svg)');
    for (const part of ['How it was measured.', '2026-01-02', '--only=x', 'A CPU, 2 cores', 'Kafka 4.3.1'])
      expect(text).toContain(part);
  });

  test('is refused where the page has no place for it', () => {
    expect(() => withSections('nothing', [recorded('x')])).toThrow('no place for x');
  });
});

describe('a picture', () => {
  test('draws each figure, with its spread, and escapes words', () => {
    const svg = renderPlot(recorded('x').table.plots![0]!);
    // The background, two bars, two squares of the legend.
    expect(svg.match(/<rect/g)).toHaveLength(5);
    expect(svg).toContain('A &amp; B');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('draws higher figures higher', () => {
    const points = [
      { x: 1, y: 10 },
      { x: 2, y: 20 },
    ];
    const plot = {
      name: 'n',
      title: 't',
      kind: 'lines',
      x: 'x',
      y: 'y',
      series: [{ name: 's', points }],
    } as const;
    const [low, high] = [...renderPlot(plot).matchAll(/cy="([\d.]+)"/g)].map(([, y]) => Number(y));
    expect(high).toBeLessThan(low!);
  });
});

test('percentiles count each latency by the records it stands for', () => {
  const latencies = [
    { ms: 100, records: 1 },
    { ms: 1, records: 98 },
    { ms: 5, records: 1 },
  ];
  expect(percentiles(latencies, [50, 99, 99.9])).toEqual([1, 5, 100]);
});

test('a window too short for a clock gives words, no figure', () => {
  const words = 'too short to tell';
  expect([wholeFigure(0 / 0), wholeFigure(1.6)]).toEqual([words, 2]);
  expect([figureText(1 / 0, 2), ratioText([1, 1 / 0]), spreadText([0 / 0, 1], 1)]).toEqual([
    words,
    words,
    words,
  ]);
  expect([figureText(1.234, 2), ratioText([3, 1, 2]), spreadText([2, 1], 1)]).toEqual([
    '1.23',
    '2.00 (1.00 to 3.00)',
    '1.0 to 2.0',
  ]);
});
