/**
 * From the bytes of one record to the subject token of whom it is about: what the index lane writes, and what grant
 * tasks filter and count persons by. The identifier itself never leaves this file; a token goes nowhere but to
 * the index of persons, audit events and approvals.
 */
import { GauzeError } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import type { SubjectTokens } from '../keys/subject-tokens.ts';
import { personField } from '../policy/person-field.ts';
import { faultCode } from '../processors/fault.ts';
import { personCache } from '../processors/keyed-cache.ts';
import type { KeyedCache } from '../processors/keyed-cache.ts';
import { PersonFinder } from '../processors/person-finder.ts';
import type { Plan } from '../processors/plan.ts';
import { SUBJECT_TOKEN_BYTES } from '../schemas/access-codecs.ts';
import { SUBJECT_TOKEN_WORDS } from './span-subjects.ts';
import type { AvroType } from '../schemas/avro-schema.ts';

/** The identifier space of persons. */
export const PERSON_SPACE: Plan['personSpace'] = 'patient';

export interface SubjectTokenizer {
  /** Why the last call gave false: a malformed record; null where the record is sound and names nobody. */
  readonly fault: ErrorCode | null;
  /**
   * Writes the 8-byte token of the person named in the Avro body bytes[start, end) (without the registry's 5-byte
   * prefix) at `out[at]`. False, and zeros, where it names nobody or is malformed. Never throws for what a record
   * holds.
   */
  tokenInto(bytes: Buffer, start: number, end: number, out: Buffer, at: number): boolean;
}

/**
 * A tokenizer for records of one writer schema; of a schema without a person's field it finds nobody.
 * Throws ERR_SCHEMA_PERSON, about `subject`, where fields are marked that cannot say whom a record is about.
 */
export function compileSubjectTokenizer(
  schema: AvroType,
  tokens: SubjectTokens,
  subject = '?',
): SubjectTokenizer {
  const { count, path } = personField(schema);
  if (path === null && count > 0) throw new GauzeError('ERR_SCHEMA_PERSON', { subject, count });
  return path === null ? new NobodysTokenizer() : new FieldTokenizer(new PersonFinder(schema, path), tokens);
}

class FieldTokenizer implements SubjectTokenizer {
  fault: ErrorCode | null = null;
  private readonly finder: PersonFinder;
  /** Records of one person follow one another. */
  private readonly known: KeyedCache;

  constructor(finder: PersonFinder, tokens: SubjectTokens) {
    this.finder = finder;
    this.known = personCache(tokens.hash(PERSON_SPACE), SUBJECT_TOKEN_WORDS);
  }

  tokenInto(bytes: Buffer, start: number, end: number, out: Buffer, at: number): boolean {
    const { finder } = this;
    const found = finder.find(bytes, start, end);
    this.fault = found < 0 ? faultCode(found) : null;
    if (found < 0 || finder.end <= finder.start) {
      out.fill(0, at, at + SUBJECT_TOKEN_BYTES);
      return false;
    }
    const { known } = this;
    const hash = known.find(finder.text, finder.view, finder.start, finder.end);
    for (let i = 0; i < SUBJECT_TOKEN_BYTES; i += 1) out[at + i] = known.bytes[hash + i]!;
    return true;
  }
}

class NobodysTokenizer implements SubjectTokenizer {
  readonly fault: ErrorCode | null = null;

  tokenInto(_bytes: Buffer, _start: number, _end: number, out: Buffer, at: number): boolean {
    out.fill(0, at, at + SUBJECT_TOKEN_BYTES);
    return false;
  }
}
