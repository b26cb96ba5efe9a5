/**
 * What the approval API refuses, as verbs throw it and the terminal tells it.
 */
import type { Problem } from '../approvals/http/problem.ts';

/** A refusal of the API, in its own words: codes and sentences of the table of errors. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.title);
    this.problem = problem;
  }

  get code(): string {
    return this.problem.code;
  }

  /** What to do, then each fault by its place. */
  get action(): string {
    const { detail, errors = [] } = this.problem;
    return [detail, ...errors.map((fault) => `${fault.at}: ${fault.detail}`)].join('\n    ');
  }

  toJSON(): Problem {
    return this.problem;
  }
}
