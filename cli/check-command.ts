/**
 * `gauze check`: everything that can be known to be wrong before anything runs, all at once, each with file and line.
 * It changes nothing, asks Kafka nothing, and works where no address of the config answers.
 */
import { existsSync } from 'node:fs';
import { errorRow } from '../platform/errors.ts';
import type { GauzeError } from '../platform/errors.ts';
import { checkPlans } from './check-plans.ts';
import { CheckReport, placeOf, wordsOf } from './check-report.ts';
import type { Check } from './check-report.ts';
import { readFilesToCheck } from './check-schema-files.ts';
import { readSiteToCheck } from './check-site.ts';
import { EXIT, print, styled } from './terminal.ts';

export interface CheckOptions {
  readonly config: string;
  readonly json: boolean;
  /** No secret is read and no registry asked. */
  readonly offline: boolean;
}

/** The config file that verbs take where nobody names one. */
const USUAL_CONFIG = 'gauze.yaml';

/**
 * @param files `file.avsc`, or `topic=file.avsc` to check it as the next schema of that topic
 * @returns 1 where anything is wrong
 */
export async function checkCommand(files: readonly string[], options: CheckOptions): Promise<number> {
  const report = await check(files, options);
  if (options.json) {
    const problems = report.problems.map((problem) => problem.toJSON());
    print(JSON.stringify({ ok: problems.length === 0, checks: report.checks, problems }));
  } else for (const line of checkLines(report)) print(line);
  return report.problems.length === 0 ? EXIT.ok : EXIT.problems;
}

/** The check itself, for verbs that begin with it. */
export async function check(
  files: readonly string[],
  options: Omit<CheckOptions, 'json'>,
): Promise<CheckReport> {
  const report = new CheckReport();
  const isFilesOnly = files.length > 0 && options.config === USUAL_CONFIG && !existsSync(options.config);
  const site = await readSiteToCheck(isFilesOnly ? null : options.config, options.offline, report);
  const schemas = await readFilesToCheck(files, site, report);
  await checkPlans(site, schemas, report);
  return report;
}

/** The report for people: what was checked, then each problem with what to do about it. */
export function checkLines(report: CheckReport): string[] {
  const { problems, checks } = report;
  const width = Math.max(...checks.map(({ name }) => name.length), 0);
  return [
    ...checks.map((each) => `${mark(each)} ${each.name.padEnd(width)}  ${each.detail}`),
    ...(problems.length > 0 ? [''] : []),
    ...problems.toSorted(byPlace).flatMap(problemLines),
    ...(problems.length > 0 ? ['', styled('red', count(problems.length))] : []),
  ];
}

function problemLines(problem: GauzeError): string[] {
  const place = placeOf(problem);
  return [
    `${styled('red', problem.code)}  ${place === '' ? '' : `${place}: `}${wordsOf(problem)}`,
    ...(errorRow(problem.code).action === '' ? [] : [`    ${problem.action}`]),
  ];
}

function mark({ state }: Check): string {
  if (state === 'ok') return styled('green', '✓');
  return state === 'problems' ? styled('red', '✗') : styled('yellow', '-');
}

function byPlace(one: GauzeError, other: GauzeError): number {
  const [a, b] = [one.context, other.context];
  if (a.file !== b.file) return (a.file ?? '') < (b.file ?? '') ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0);
}

function count(problems: number): string {
  return problems === 1 ? '1 problem.' : `${problems} problems.`;
}
