/**
 * Looks through what people write for what looks like an identifier of a patient, before it is kept anywhere.
 * It errs on the side of refusing, names what it took offence at and never repeats it. It cannot know names:
 * that a text names nobody stays with the people who write and read it.
 */
import { GauzeError } from '../platform/errors.ts';

interface Suspicion {
  /** Completes "holds what looks like ...". */
  readonly what: string;
  readonly pattern: RegExp;
}

const MONTH = '(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*';

/** What no reason may hold; after 45 CFR 164.514(b)(2), as far as it has a form. */
const SUSPICIONS: readonly Suspicion[] = [
  { what: 'a mail address', pattern: /[^\s@<>]+@[^\s@<>]+\.[a-z]{2,}/i },
  { what: 'a social security number', pattern: /(?<!\d)\d{3}[-. ]?\d{2}[-. ]?\d{4}(?!\d)/ },
  { what: 'a telephone number', pattern: /(?<!\d)\(?\d{3}\)?[-. ]{0,2}\d{3}[-. ]?\d{4}(?!\d)/ },
  { what: 'a date', pattern: /(?<!\d)(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)/ },
  { what: 'a date', pattern: /(?<!\d)\d{1,2}[-/.]\d{1,2}[-/.](?:(?:19|20)\d\d|\d\d)(?!\d)/ },
  {
    what: 'a date',
    pattern: new RegExp(`\\b\\d{1,2}(?:st|nd|rd|th)?\\.? ?${MONTH}\\.?,? ?(?:19|20)?\\d\\d\\b`, 'i'),
  },
  {
    what: 'a date',
    pattern: new RegExp(`\\b${MONTH}\\.? ?\\d{1,2}(?:st|nd|rd|th)?,? (?:19|20)\\d\\d\\b`, 'i'),
  },
  {
    what: 'a date of birth',
    pattern: /\b(?:dob|d\.o\.b|date of birth|birth ?date|born (?:on|in)?)\b[^.\n]{0,20}\d/i,
  },
  {
    what: 'the number of a record, a patient or a member',
    pattern:
      /\b(?:mrn|mr ?#|medical record|chart|patient|member|account|subscriber|policy)(?: ?(?:id|no|nr|num|number))?\b[\s.:#=-]{0,4}[a-z]{0,4}-?\d{2,}/i,
  },
  {
    what: 'the number of a record, a patient or a member',
    pattern: /\b(?:mrn\W{0,3}\d|[a-z]{1,4}[-_#]?\d{5,}\b)/i,
  },
  { what: 'a number as long as an identifier', pattern: /\d{7}|(?:\d[-. ]?){9}/ },
  { what: 'an identifier (UUID)', pattern: /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-/i },
  { what: 'a network address', pattern: /(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)/ },
];

/** In a reference to a ticket long numbers are usual; what is unmistakable is refused there too. */
const UNMISTAKABLE = new Set(['a mail address', 'a date', 'a date of birth', 'an identifier (UUID)']);
const DASHED_SSN = /(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)/;

/**
 * Throws ERR_ACCESS_REASON_PHI where `text` looks as if it held an identifier.
 * @param setting the name of the field, for the error
 */
export function assertNoIdentifier(text: string, setting: string): void {
  const plain = plainText(text);
  for (const { what, pattern } of SUSPICIONS) {
    if (pattern.test(plain)) throw new GauzeError('ERR_ACCESS_REASON_PHI', { setting, expected: what });
  }
}

/** The same for a reference to a ticket, an incident or a protocol. */
export function assertTicketOnly(text: string, setting: string): void {
  const plain = plainText(text);
  const found = SUSPICIONS.find(({ what, pattern }) => UNMISTAKABLE.has(what) && pattern.test(plain));
  const what =
    found?.what ?? (DASHED_SSN.test(plain) || /mrn/i.test(plain) ? 'the number of a person' : null);
  if (what !== null) throw new GauzeError('ERR_ACCESS_REASON_PHI', { setting, expected: what });
}

/** Without what hides digits from a pattern: other forms of them, characters without a width, kinds of dashes. */
function plainText(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/\p{Nd}/gu, (digit) => String(digitValue(digit)))
    .replace(/\p{Pd}/gu, '-')
    .replace(/\s+/gu, ' ');
}

/** Decimal digits stand in blocks of ten, in order (Unicode, 4.6). */
function digitValue(digit: string): number {
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(digit.codePointAt(0)! - value - 1))) value++;
  return value;
}
