/**
 * What `gauze check` has found: problems with their places, and what was looked at or could not be.
 * It holds codes and coordinates only, like every error.
 */
import { relative } from 'node:path';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import type { ErrorContext } from '../platform/errors.ts';

/** One thing that was checked. `skipped`: it was not, and `detail` says why. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'problems' | 'skipped';
  readonly detail: string;
}

export class CheckReport {
  readonly checks: Check[] = [];
  readonly #problems = new Map<string, GauzeError>();
  readonly #warnings = new Map<string, GauzeError>();

  get problems(): readonly GauzeError[] {
    return [...this.#problems.values()];
  }

  /** What is worth a look and stops nothing. */
  get warnings(): readonly GauzeError[] {
    return [...this.#warnings.values()];
  }

  /** Adds warnings; the same one is kept once. */
  warn(...warnings: readonly GauzeError[]): void {
    for (const warning of warnings) this.#warnings.set(JSON.stringify(warning), warning);
  }

  /** Adds problems; the same one is kept once. */
  add(...problems: readonly GauzeError[]): void {
    for (const problem of problems) this.#problems.set(JSON.stringify(problem), problem);
  }

  /** Runs `work`; its errors become problems, at the place given. Undefined where there were any. */
  async collect<T>(
    work: () => T | Promise<T>,
    place: (error: GauzeError) => ErrorContext = () => ({}),
  ): Promise<T | undefined> {
    try {
      return await work();
    } catch (thrown) {
      if (thrown instanceof GauzeErrors) this.add(...thrown.errors.map((error) => at(error, place(error))));
      else if (thrown instanceof GauzeError) this.add(at(thrown, place(thrown)));
      else throw thrown;
      return undefined;
    }
  }

  /** Notes what a part of the check came to: `detail`, or how many problems came up since `before`. */
  conclude(name: string, before: number, detail: string): void {
    const found = this.#problems.size - before;
    if (found === 0) this.checks.push({ name, state: 'ok', detail });
    else
      this.checks.push({ name, state: 'problems', detail: found === 1 ? '1 problem' : `${found} problems` });
  }

  skip(name: string, detail: string): void {
    this.checks.push({ name, state: 'skipped', detail });
  }
}

/** The same error with more of its place. */
function at(error: GauzeError, place: ErrorContext): GauzeError {
  return Object.keys(place).length === 0 ? error : new GauzeError(error.code, { ...error.context, ...place });
}

/** `file:line` of a problem, as short as it can be; empty where it has no file, or its words name the file anyway. */
export function placeOf(problem: GauzeError): string {
  const { file, line } = problem.context;
  if (file === undefined || file === '') return '';
  if (line === undefined && wordsOf(problem).includes(shortPath(file))) return '';
  return line === undefined ? shortPath(file) : `${shortPath(file)}:${line}`;
}

/** The message without the place that it begins with, for output that puts the place first. */
export function wordsOf(problem: GauzeError): string {
  const { file, line } = problem.context;
  const { message } = problem;
  const place = `${file}:${line}: `;
  const words = message.startsWith(place) ? message.slice(place.length) : message;
  // A message may have room for a name that there is none of.
  return (file ? words.replaceAll(file, shortPath(file)) : words).replaceAll('  ', ' ');
}

/** The path from here, where that is no longer. */
export function shortPath(file: string): string {
  const path = relative('.', file);
  return path === '' || path.startsWith('..') ? file : path;
}
