/**
 * Pictures of figures as SVG: bars in groups, or lines, on plain or logarithmic axes. Text only, no library; the same
 * figures give the same bytes. It must never leave a figure out or draw one that was not measured.
 */
import type { Plot, PlotPoint } from './table.ts';

const WIDTH = 720;
const HEIGHT = 380;
const LEFT = 80;
const RIGHT = 20;
const TOP = 50;
const BOTTOM = 60;
/** Told apart without red and green (Okabe and Ito). */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9'];
const INK = '#24292f';
const GRID = '#d0d7de';

/** The picture. */
export function renderPlot(plot: Plot): string {
  const scale = yScale(plot);
  const marks = plot.kind === 'bars' ? bars(plot, scale) : lines(plot, scale);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="sans-serif" font-size="13" fill="${INK}">`,
    `<title>${escaped(plot.title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(LEFT, 24, plot.title, 'font-size="16"'),
    ...scale.ticks.flatMap((tick) => [
      `<line x1="${LEFT}" y1="${short(scale.at(tick))}" x2="${WIDTH - RIGHT}" y2="${short(scale.at(tick))}" stroke="${GRID}"/>`,
      text(LEFT - 8, scale.at(tick) + 4, grouped(tick), 'text-anchor="end"'),
    ]),
    ...marks,
    ...legend(plot),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, plot.x, 'text-anchor="middle"'),
    `<text transform="translate(16 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escaped(plot.y)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}

interface Scale {
  readonly ticks: readonly number[];
  /** Pixels. */
  at(value: number): number;
}

function yScale({ series, isLog }: Plot): Scale {
  const values = series.flatMap(({ points }) => points.flatMap((point) => [point.y, point.high ?? point.y]));
  const [top, bottom] = [TOP, HEIGHT - BOTTOM];
  const most = Math.max(...values, Number.MIN_VALUE);
  if (isLog) {
    const lows = series.flatMap(({ points }) => points.map((point) => point.low ?? point.y));
    const first = Math.floor(Math.log10(Math.max(Math.min(...lows), 0.1)));
    const last = Math.max(Math.ceil(Math.log10(most)), first + 1);
    const ticks = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
    const at = (value: number): number =>
      bottom - ((Math.log10(Math.max(value, 10 ** first)) - first) / (last - first)) * (bottom - top);
    return { ticks, at };
  }
  const step = niceStep(most / 5);
  const count = Math.ceil(most / step);
  const ticks = Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)));
  return { ticks, at: (value) => bottom - (value / (count * step)) * (bottom - top) };
}

/** 1, 2 or 5 times a power of ten, no less than `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= least) ?? 10 * power;
}

function bars({ series }: Plot, scale: Scale): string[] {
  const places = series[0]!.points.map(({ x }) => String(x));
  const group = (WIDTH - LEFT - RIGHT) / places.length;
  const width = (group * 0.7) / series.length;
  const floor = HEIGHT - BOTTOM;
  return places.flatMap((place, i) => [
    text(LEFT + group * (i + 0.5), floor + 20, place, 'text-anchor="middle"'),
    ...series.flatMap(({ points }, at) => {
      const point = points[i]!;
      const x = LEFT + group * i + group * 0.15 + width * at;
      const y = scale.at(point.y);
      return [
        `<rect x="${short(x)}" y="${short(y)}" width="${short(width * 0.92)}" height="${short(Math.max(floor - y, 0))}" fill="${colour(at)}"/>`,
        ...whisker(point, x + width * 0.46, scale),
        text(x + width * 0.46, y - 5, grouped(point.y), 'text-anchor="middle" font-size="11"'),
      ];
    }),
  ]);
}

function lines({ series, isLogX }: Plot, scale: Scale): string[] {
  const position = (x: number): number => (isLogX ? Math.log10(x) : x);
  const all = series.flatMap(({ points }) => points.map(({ x }) => Number(x)));
  const least = isLogX ? position(Math.min(...all)) : 0;
  const most = position(Math.max(...all));
  const at = (x: number): number =>
    LEFT + ((position(x) - least) / Math.max(most - least, Number.MIN_VALUE)) * (WIDTH - LEFT - RIGHT - 20);
  const floor = HEIGHT - BOTTOM;
  return [
    ...xTicks(all, most, isLogX ?? false).map((x) =>
      text(at(x), floor + 20, grouped(x), 'text-anchor="middle"'),
    ),
    ...series.flatMap(({ points }, i) => {
      const path = points.map((point) => `${short(at(Number(point.x)))},${short(scale.at(point.y))}`);
      const dots = points.length > 30 ? [] : points;
      return [
        `<polyline points="${path.join(' ')}" fill="none" stroke="${colour(i)}" stroke-width="2"/>`,
        ...dots.flatMap((point) => [
          `<circle cx="${short(at(Number(point.x)))}" cy="${short(scale.at(point.y))}" r="4" fill="${colour(i)}"/>`,
          ...whisker(point, at(Number(point.x)), scale),
        ]),
      ];
    }),
  ];
}

/** The places measured where they are few; else five or so round ones. */
function xTicks(all: readonly number[], most: number, isLog: boolean): readonly number[] {
  const places = [...new Set(all)];
  if (isLog || places.length <= 10) return places;
  const step = niceStep(most / 6);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

/** Lowest to highest, where there is a spread. */
function whisker({ low, high }: PlotPoint, x: number, scale: Scale): string[] {
  if (low === undefined || high === undefined) return [];
  return [
    `<line x1="${short(x)}" y1="${short(scale.at(low))}" x2="${short(x)}" y2="${short(scale.at(high))}" stroke="${INK}"/>`,
  ];
}

function legend({ series }: Plot): string[] {
  if (series.length < 2) return [];
  return series.flatMap(({ name }, i) => {
    const x = LEFT + i * 140;
    return [`<rect x="${x}" y="32" width="12" height="12" fill="${colour(i)}"/>`, text(x + 18, 42, name, '')];
  });
}

function colour(i: number): string {
  return COLOURS[i % COLOURS.length]!;
}

function text(x: number, y: number, words: string, attributes: string): string {
  return `<text x="${short(x)}" y="${short(y)}"${attributes === '' ? '' : ` ${attributes}`}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Three digits that count, thousands apart. */
function grouped(value: number): string {
  const rounded = Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(3));
  return rounded.toLocaleString('en-US', { maximumFractionDigits: 6 });
}

function short(pixels: number): string {
  return String(Math.round(pixels * 10) / 10);
}
