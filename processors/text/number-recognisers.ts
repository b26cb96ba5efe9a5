/**
 * Recognisers of numbers that stand for someone or something: social security, card, account, phone, licence, device,
 * vehicle. A check digit or an area says which it is; without one, seven digits in a row are an identifier all the
 * same: no measurement has as many. Every pattern is bounded, so a text costs time in proportion to its length.
 */
import {
  hasLuhnDigit,
  isAbaNumber,
  isDeaNumber,
  isGtin,
  isHibc,
  isIban,
  isIssuableSsn,
  isNpi,
  isVin,
} from './check-digits.ts';
import type { AddFinding, SurrogateKind } from './finding.ts';

const DASHED_SSN = /(?<![\w-])(\d{3})[- ](\d{2})[- ](\d{4})(?![\w-])/gu;
const HIDDEN_SSN = /(?<!\w)[x*#]{3}[- ]?[x*#]{2}[- ]?(\d{4})(?!\w)/giu;
const LAST_FOUR =
  /\b(?:ssn|social security|social)\b[^\d\n]{0,40}(?<!\d)(\d{4})(?!\d|[-/ ]\d)|\blast (?:four|4)\b[^\d\n]{0,40}(?<!\d)(\d{4})(?!\d|[-/ ]\d)/giu;

/** Digits in groups, with what people write between and around them. */
const DIGIT_GROUPS =
  /(?<![\p{L}\d._])\+?\(?\d{1,20}\)?(?:(?:[ .\-–]{1,2}|(?<=\)))\(?\d{1,20}\)?){0,8}(?:,? ?(?:x|ext\.?|extension) ?\d{1,6})?(?![\d_])/giu;
/** A measurement's unit, or what makes a number one: then it is no identifier. */
const UNIT =
  /^ ?(?:%|°|mg|mcg|µg|ug|ng|pg|g|kg|ml|dl|l|iu|u|units?|unt|meq|mmol|mol|mm|cm|cells|copies|kcal|cal|bpm|k|\/)(?![\p{L}\d])/iu;

/** Letters and digits in one piece, dashes allowed. */
const MIXED = /(?<![\p{L}\d_])[A-Z0-9]{1,40}(?:-[A-Z0-9]{1,20}){0,6}(?![\p{L}\d_])/giu;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Medicare beneficiary identifier, positions as CMS lays them down: no S, L, O, I, B, Z. */
const MBI =
  /^[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y\d]\d[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y\d]\d[AC-HJKMNP-RT-Y]{2}\d{2}$/i;
/** What a number with its unit looks like: no identifier. */
const QUANTITY = /^\d+(?:mg|mcg|ug|ng|g|kg|ml|dl|l|iu|u|units?|meq|mmol|mm|cm|k|hz|x\d+)$/i;
const SPACED_IBAN = /(?<![\p{L}\d])[A-Z]{2}\d{2}(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?(?![\p{L}\d])/giu;
const SPACED_MBI = /(?<![\p{L}\d])[1-9][A-Z][A-Z\d]\d[- ][A-Z][A-Z\d]\d[- ][A-Z]{2}\d{2}(?![\p{L}\d])/giu;

/** GS1 element strings as printed under a barcode: a unique device identifier (21 CFR 801.40). */
const GS1 =
  /\(01\) ?(\d{14})(?: ?\((?:10|11|17|21|240|30|91)\) ?[\w./+-]{1,30}){0,8}|\((?:11|17)\) ?\d{6}(?: ?\((?:10|21)\) ?[\w./+-]{1,30}){0,3}|\((?:10|21)\) ?[\w./+-]{1,30}/gu;
const HIBC = /(?<![\w+])\+[A-Z][A-Z0-9]{3}[A-Z0-9]{1,18}\d[0-9A-Z.$/+%-](?:\/[\w$+./-]{1,40})?(?!\w)/gu;

/** Words that announce an identifier, whatever it looks like, with the kind that it is. */
const ANNOUNCED: readonly (readonly [RegExp, SurrogateKind])[] = [
  [
    announced(
      'mrn|mr ?#|m\\.r\\.n\\.?|medical record|med rec|chart|patient id|pt id|patient identifier|hospital number|unit number|fin|csn|accession|specimen id|encounter id|visit id|case|claim|reference|ref|confirmation|id',
    ),
    'ID',
  ],
  [
    announced(
      'acct|account|acc|routing|member|member id|subscriber|policy|group|beneficiary|insurance id|medicare|medicaid|hicn|mbi',
    ),
    'ACCOUNT',
  ],
  [announced("driver'?s? licen[sc]e|licen[sc]e|lic|dl|dea|npi|passport|certificate"), 'LICENSE'],
  [announced('vin|license plate|plate|vehicle'), 'VEHICLE'],
  [announced('serial|s/n|sn|udi|lot|device id|model'), 'DEVICE'],
  [announced('ssn|social security|social|ss'), 'SSN'],
];

function announced(words: string): RegExp {
  const joint =
    '(?:(?: ?(?:number|no\\.?|num\\.?|nr\\.?|id|#|is|was|card|plate)){1,3}[ :#=.]{0,3}|[:#=][ :#]{0,3})';
  return new RegExp(
    `(?<![\\p{L}\\d])(?:${words})${joint}\\s{0,2}(?=[A-Z0-9-]{0,20}\\d)([A-Z0-9](?:[-/]?[A-Z0-9]){1,24})(?![\\p{L}\\d])`,
    'giu',
  );
}

/** Finds numbers and codes that identify. */
export function findNumbers(text: string, add: AddFinding): void {
  for (const match of text.matchAll(DASHED_SSN)) {
    const kind = isIssuableSsn(match.slice(1).join('')) || match[1]!.startsWith('9') ? 'SSN' : 'ID';
    add(match.index, match.index + match[0].length, kind);
  }
  for (const match of text.matchAll(HIDDEN_SSN)) add(match.index, match.index + match[0].length, 'SSN');
  for (const pattern of [LAST_FOUR])
    for (const match of text.matchAll(pattern)) {
      const end = match.index + match[0].length;
      add(end - 4, end, 'SSN');
    }
  for (const match of text.matchAll(DIGIT_GROUPS)) digitGroups(text, match, add);
  for (const match of text.matchAll(MIXED)) {
    const kind = mixedKind(match[0]);
    if (kind) add(match.index, match.index + match[0].length, kind);
  }
  for (const match of text.matchAll(SPACED_IBAN))
    if (isIban(match[0].replaceAll(' ', '').toUpperCase()))
      add(match.index, match.index + match[0].length, 'ACCOUNT');
  for (const match of text.matchAll(SPACED_MBI))
    if (MBI.test(match[0].replaceAll(/[- ]/g, '')))
      add(match.index, match.index + match[0].length, 'ACCOUNT');
  findDevices(text, add);
  for (const [pattern, kind] of ANNOUNCED)
    for (const match of text.matchAll(pattern)) {
      const end = match.index + match[0].length;
      add(end - match[1]!.length, end, kind);
    }
}

function findDevices(text: string, add: AddFinding): void {
  for (const match of text.matchAll(GS1)) {
    // A wrong check digit is a typing mistake in a device identifier, not a sign that it is none: it goes as well.
    const kind = match[1] === undefined || isGtin(match[1]) ? 'DEVICE' : 'ID';
    add(match.index, match.index + match[0].length, kind);
  }
  for (const match of text.matchAll(HIBC)) {
    const primary = match[0].split('/')[0]!;
    if (isHibc(primary) || match[0].length >= 12) add(match.index, match.index + match[0].length, 'DEVICE');
  }
}

/** Digits in groups: a card, a phone number, an account, another identifier, or just numbers. */
function digitGroups(text: string, match: RegExpExecArray, add: AddFinding): void {
  const written = match[0].trimEnd();
  const end = match.index + written.length;
  const kind = groupsKind(written, text.slice(end, end + 12));
  if (kind) add(match.index, end, kind);
}

function groupsKind(written: string, after: string): SurrogateKind | null {
  const plain = written.replace(/,? ?(?:x|ext\.?|extension) ?\d{1,6}$/iu, '');
  const hasExtension = plain.length < written.length;
  const groups = plain.split(/\D+/).filter((group) => group !== '');
  const digits = groups.join('');
  if (digits.length < 7) return null;
  if (digits.length >= 13 && digits.length <= 19 && hasLuhnDigit(digits) && groups.length <= 5) return 'CARD';
  if (groups.length === 1 && !/^[+(]/.test(plain))
    return UNIT.test(after) && digits.length < 9 ? null : runKind(digits);
  if (hasExtension || /[+(]/.test(plain)) return digits.length <= 20 ? 'PHONE' : 'ID';
  return separatedKind(plain, groups, digits, after);
}

/** One unbroken run of digits. */
function runKind(digits: string): SurrogateKind {
  if (isNpi(digits)) return 'LICENSE';
  if (isAbaNumber(digits)) return 'ACCOUNT';
  if (/^(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{4}(?:\d{2})?)?$/.test(digits))
    return 'DATE';
  return /^1?[2-9]\d{2}[2-9]\d{6}$/.test(digits) ? 'PHONE' : 'ID';
}

/** Groups between dashes, dots or blanks, without plus or parentheses. */
function separatedKind(
  plain: string,
  groups: readonly string[],
  digits: string,
  after: string,
): SurrogateKind | null {
  const isSpaced = / /.test(plain);
  const dots = (plain.match(/\./g) ?? []).length;
  const last = groups.at(-1)!;
  if (UNIT.test(after)) return null;
  // A decimal number, or a year and another.
  if (groups.length === 2 && dots === 1) return null;
  if (groups.length === 2 && groups.every((group) => /^(?:19|20)\d{2}$/.test(group))) return null;
  if (isSpaced) {
    const isLong = groups.length >= 4 && groups.some((group) => group.length > 2) && digits.length <= 12;
    const looksDialled = plain.startsWith('0') || isLong || (last.length >= 3 && groups.length <= 5);
    if (!looksDialled || groups.some((group) => group.length === 1 && group !== '1')) return null;
  }
  return digits.length <= 15 ? 'PHONE' : 'ID';
}

/** A piece of letters and digits: what it is by its check digit, or an identifier by its five digits and more. */
function mixedKind(written: string): SurrogateKind | null {
  const text = written.toUpperCase();
  const digits = text.replaceAll(/\D/g, '');
  if (UUID.test(written)) return 'ID';
  if (digits.length === 0 || digits.length === text.length) return null;
  const joined = text.replaceAll('-', '');
  if (MBI.test(joined)) return 'ACCOUNT';
  if (isVin(joined)) return 'VEHICLE';
  if (isIban(joined)) return 'ACCOUNT';
  if (isDeaNumber(joined)) return 'LICENSE';
  if (!/[A-Z]/.test(joined) || QUANTITY.test(joined)) return null;
  return digits.length >= 5 ? 'ID' : null;
}
