/**
 * jest reporter: the last line of a run is `N passed, N failed` (and `, N skipped` where there are any).
 * A suite that could not even start counts as failed, so that a broken import never looks like success.
 */

/** The part of jest's result that is counted. */
export interface RunCounts {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  /** Suites that failed to run at all. */
  readonly numRuntimeErrorTestSuites: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
}

/** The line for a finished run. */
export function countLine(result: RunCounts): string {
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites;
  const skipped = result.numPendingTests + result.numTodoTests;
  return `${result.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

export default class CountReporter {
  onRunComplete(_contexts: unknown, result: RunCounts): void {
    // At exit: jest's own summary and the global teardown come after this call.
    process.once('exit', () => process.stdout.write(`${countLine(result)}\n`));
  }
}
