/**
 * The report of `gauze check` as SARIF 2.1.0 (OASIS), for code scanning and editors: a rule for each error code, the
 * file and line of each problem, and fingerprints that stay the same while lines move. It holds codes and coordinates
 * only, like every error.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isAbsolute, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { errorRow } from '../platform/errors.ts';
import type { ErrorCode, GauzeError } from '../platform/errors.ts';
import { shortPath, wordsOf } from './check-report.ts';
import type { CheckReport } from './check-report.ts';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';
/** What file names are relative to: the folder that the check was run in. */
const ROOT_ID = '%SRCROOT%';

type Level = 'error' | 'warning';

/** A SARIF log of one run. `config` stands for problems that have no file of their own. */
export function sarifLog(report: CheckReport, config: string): object {
  const found = [
    ...report.problems.map((problem) => ({ problem, level: 'error' as const })),
    ...report.warnings.map((problem) => ({ problem, level: 'warning' as const })),
  ];
  const codes = [...new Set(found.map(({ problem }) => problem.code))].toSorted();
  const fingerprints = new Fingerprints();
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'gauze',
            semanticVersion: version(),
            rules: codes.map((code) =>
              rule(
                code,
                found.some((each) => each.problem.code === code && each.level === 'error'),
              ),
            ),
          },
        },
        automationDetails: { id: 'gauze/check/' },
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: {
          [ROOT_ID]: { description: { text: 'The folder that gauze check was run in.' } },
        },
        invocations: [{ executionSuccessful: true }],
        results: found.map(({ problem, level }) => result(problem, level, codes, config, fingerprints)),
      },
    ],
  };
}

function rule(code: ErrorCode, isError: boolean): object {
  const { message, action } = errorRow(code);
  const level: Level = isError ? 'error' : 'warning';
  // Of the table, not of one problem: what is filled in stands in the results.
  const text = generic(message.replace(/^\{file\}:\{line\}: /, ''));
  const help = generic(action) || text;
  return {
    id: code,
    shortDescription: { text },
    fullDescription: { text: `${text} ${help}` },
    help: { text: help, markdown: help },
    defaultConfiguration: { level },
    properties: { tags: ['privacy', 'security'], 'problem.severity': level },
  };
}

function generic(text: string): string {
  const words = text.replaceAll(/\{(\w+)\}/g, '[$1]');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function result(
  problem: GauzeError,
  level: Level,
  codes: readonly ErrorCode[],
  config: string,
  fingerprints: Fingerprints,
): object {
  const artifactLocation = locationOf(problem.context.file || config);
  return {
    ruleId: problem.code,
    ruleIndex: codes.indexOf(problem.code),
    level,
    message: { text: [wordsOf(problem), problem.action].filter((text) => text !== '').join(' ') },
    locations: [
      {
        physicalLocation: { artifactLocation, region: { startLine: Math.max(1, problem.context.line ?? 1) } },
      },
    ],
    partialFingerprints: { 'gauzeProblem/v1': fingerprints.of(problem, artifactLocation.uri) },
  };
}

/** Relative to the folder of the check; an absolute file URL only for what lies outside of it. */
function locationOf(file: string): { readonly uri: string; readonly uriBaseId?: string } {
  const path = shortPath(file);
  if (isAbsolute(path) || path.startsWith('..')) return { uri: pathToFileURL(path).href };
  return { uri: path.split(sep).map(encodeURIComponent).join('/'), uriBaseId: ROOT_ID };
}

/** The same problem of the same file has the same fingerprint, whatever line it has moved to. */
class Fingerprints {
  readonly #seen = new Map<string, number>();

  of({ code, context }: GauzeError, uri: string): string {
    const { line: _line, file: _file, ...place } = context;
    const parts = Object.entries(place).toSorted(([one], [other]) => (one < other ? -1 : 1));
    const key = JSON.stringify([code, uri, parts.map(([name, value]) => [name, String(value)])]);
    const earlier = this.#seen.get(key) ?? 0;
    this.#seen.set(key, earlier + 1);
    const digest = createHash('sha256').update(key).digest('hex').slice(0, 32);
    return `${digest}:${earlier + 1}`;
  }
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
