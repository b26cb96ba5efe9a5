/**
 * What holds keys or identifiers has no printable form: an accident prints one fixed word, and nothing else.
 */
import { inspect } from 'node:util';

const HIDDEN = '[hidden]';

/** Extend it where an object must never be printed, logged or turned into JSON. */
export class Hidden {
  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}
