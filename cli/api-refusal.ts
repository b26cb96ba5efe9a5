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

  /** What to do, the present state, then each further fault: a sentence by itself, or what must be of a place. */
  get action(): string {
    const { title, detail, state, errors = [] } = this.problem;
    const faults = errors.filter((fault) => fault.detail !== title);
    return [
      detail,
      ...(state === undefined ? [] : [`Its state is ${state}.`]),
      ...faults.map((fault) => (fault.detail.endsWith('.') ? fault.detail : `${fault.at} ${fault.detail}.`)),
    ].join('\n');
  }

  toJSON(): Problem {
    return this.problem;
  }
}
