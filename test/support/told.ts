/**
 * An error as a person reads it in the terminal: its code, its message, and what to do. For tests that compare all of
 * what a verb says, so that nothing else can stand there.
 */
import { GauzeError } from '../../platform/errors.ts';
import type { ErrorCode, ErrorContext } from '../../platform/errors.ts';

export function told(code: ErrorCode, context: ErrorContext = {}): string {
  const error = new GauzeError(code, context);
  return `${code}  ${error.message}\n    ${error.action}\n`;
}
