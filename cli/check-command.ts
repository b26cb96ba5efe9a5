/**
 * `gauze check`: everything that can be known to be wrong before anything runs, all at once, each with file and line.
 * It changes nothing, asks Kafka nothing, and works where no address of the config answers.
 */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { GauzeError, errorRow } from '../platform/errors.ts';
import { checkPlans } from './check-plans.ts';
import { CheckReport, placeOf, wordsOf } from './check-report.ts';
import type { Check } from './check-report.ts';
import { sarifLog } from './check-sarif.ts';
import { readFilesToCheck } from './check-schema-files.ts';
import { readSiteToCheck } from './check-site.ts';
import { EXIT, print, styled } from './terminal.ts';

export interface CheckOptions {
  readonly config: string;
  readonly json: boolean;
  /** No secret is read and no registry asked. */
  readonly offline: boolean;
  /** A file for the report as SARIF; true: print it instead of the report for people. */
  readonly sarif?: string | true;
}

/** `topic=file.avsc`: whose topic it is, a config must say. */
const NAMES_TOPIC = /^[A-Za-z0-9._-]+=/;

/** The config file that verbs take where nobody names one. */
const USUAL_CONFIG = 'gauze.yaml';

/**
 * @param files `file.avsc`, or `topic=file.avsc` to check it as the next schema of that topic
 * @returns 1 where anything is wrong
 */
export async function checkCommand(files: readonly string[], options: CheckOptions): Promise<number> {
  if (options.sarif === true && options.json)
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: '--sarif',
      expected: 'given a file beside --json',
    });
  const report = await check(files, options);
  const sarif = options.sarif === undefined ? '' : JSON.stringify(sarifLog(report, options.config), null, 2);
  if (typeof options.sarif === 'string') await writeSarif(options.sarif, sarif);
  if (options.sarif === true) print(sarif);
  else if (options.json) {
    const problems = report.problems.map((problem) => problem.toJSON());
    const warnings = report.warnings.map((warning) => warning.toJSON());
    print(JSON.stringify({ ok: problems.length === 0, checks: report.checks, problems, warnings }));
  } else for (const line of checkLines(report)) print(line);
  return report.problems.length === 0 ? EXIT.ok : EXIT.problems;
}

async function writeSarif(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, `${text}\n`);
  } catch {
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: '--sarif',
      expected: 'a file that can be written',
    });
  }
}

/** The check itself, for verbs that begin with it. */
export async function check(
  files: readonly string[],
  options: Omit<CheckOptions, 'json' | 'sarif'>,
): Promise<CheckReport> {
  const report = new CheckReport();
  const isOfNoTopic = files.length > 0 && files.every((each) => !NAMES_TOPIC.test(each));
  const isFilesOnly = isOfNoTopic && options.config === USUAL_CONFIG && !existsSync(options.config);
  const site = await readSiteToCheck(isFilesOnly ? null : options.config, options.offline, report);
  const schemas = await readFilesToCheck(files, site, report);
  if (!report.problems.some(isCauseOfAll)) await checkPlans(site, schemas, report);
  return report;
}

/** The report for people: what was checked, then each problem with what to do about it. */
export function checkLines(report: CheckReport): string[] {
  const { problems, warnings, checks } = report;
  const told = new Set<string>();
  const width = Math.max(...checks.map(({ name }) => name.length), 0);
  return [
    ...checks.map((each) => `${mark(each)} ${each.name.padEnd(width)}  ${each.detail}`),
    ...(problems.length > 0 ? [''] : []),
    ...problems.toSorted(byPlace).flatMap((problem) => problemLines(problem, 'red', told)),
    ...(warnings.length > 0 ? [''] : []),
    ...warnings.toSorted(byPlace).flatMap((warning) => problemLines(warning, 'yellow', told)),
    ...(problems.length + warnings.length > 0 ? ['', summary(problems.length, warnings.length)] : []),
  ];
}

/** What to do about it is said the first time. */
function problemLines(problem: GauzeError, colour: 'red' | 'yellow', told: Set<string>): string[] {
  const place = placeOf(problem);
  const { action } = problem;
  const isTold = told.has(action) || errorRow(problem.code).action === '';
  told.add(action);
  return [
    `${styled(colour, problem.code)}  ${place === '' ? '' : `${place}: `}${wordsOf(problem)}`,
    ...(isTold ? [] : [`    ${action}`]),
  ];
}

function mark({ state }: Check): string {
  if (state === 'ok') return styled('green', '✓');
  return state === 'problems' ? styled('red', '✗') : styled('yellow', '-');
}

/** Where nobody knows what the site is, nothing else can be told right. */
function isCauseOfAll({ code }: GauzeError): boolean {
  return code === 'ERR_CONFIG_FILE_ABSENT';
}

function byPlace(one: GauzeError, other: GauzeError): number {
  if (isCauseOfAll(one) !== isCauseOfAll(other)) return isCauseOfAll(one) ? -1 : 1;
  const [a, b] = [one.context, other.context];
  if (a.file !== b.file) return (a.file ?? '') < (b.file ?? '') ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0);
}

function summary(problems: number, warnings: number): string {
  const of = (count: number, word: string): string => (count === 1 ? `1 ${word}` : `${count} ${word}s`);
  const counted = [
    ...(problems > 0 ? [styled('red', of(problems, 'problem'))] : []),
    ...(warnings > 0 ? [styled('yellow', of(warnings, 'warning'))] : []),
  ];
  return `${counted.join(', ')}.`;
}
