/**
 * Check digits of identifiers, each as its issuer defines it. They tell an identifier from a number that looks like one.
 * Pure functions of digits and letters: they must never throw for what a text holds.
 */

/** ISO/IEC 7812-1: the digits of a payment card, check digit last. */
export function hasLuhnDigit(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** A national provider identifier, 45 CFR 162.406: ten digits, Luhn over them with 80840 before. */
export function isNpi(digits: string): boolean {
  return /^[12]\d{9}$/.test(digits) && hasLuhnDigit(`80840${digits}`);
}

/** A DEA registration number: two letters (or a letter and 9), six digits and their check digit. */
export function isDeaNumber(text: string): boolean {
  const digits = /^[A-HJ-NP-UX][A-Z9](\d{7})$/.exec(text)?.[1];
  if (digits === undefined) return false;
  const at = (i: number): number => Number(digits[i]);
  return (at(0) + at(2) + at(4) + 2 * (at(1) + at(3) + at(5))) % 10 === at(6);
}

/** A routing number of the American Bankers Association: nine digits weighted 3, 7, 1, in a range that is in use. */
export function isAbaNumber(digits: string): boolean {
  if (!/^(?:0\d|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)\d{7}$/.test(digits)) return false;
  const sum = digits.split('').reduce((total, digit, i) => total + Number(digit) * [3, 7, 1][i % 3]!, 0);
  return sum % 10 === 0;
}

/** An international bank account number, ISO 13616: MOD 97-10 over the rearranged text is 1. Capitals, no blanks. */
export function isIban(text: string): boolean {
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(text)) return false;
  let rest = 0;
  for (const character of text.slice(4) + text.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}

const VIN_WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
/** Values of A to Z in 49 CFR 565.15, table III; I, O and Q never stand in one. */
const VIN_LETTERS = '12345678.12345.7.923456789';

/** A vehicle identification number with its check digit, 49 CFR 565.15(c). Capitals. */
export function isVin(text: string): boolean {
  if (!/^[A-HJ-NPR-Z0-9]{17}$/.test(text)) return false;
  const values = text.split('').map((c) => Number(/\d/.test(c) ? c : VIN_LETTERS[c.codePointAt(0)! - 65]));
  const rest = values.reduce((sum, value, i) => sum + value * VIN_WEIGHTS[i]!, 0) % 11;
  return text[8] === (rest === 10 ? 'X' : String(rest));
}

/** A GS1 global trade item number of 14 digits: weights 3 and 1 (GS1 General Specifications, 7.9). */
export function isGtin(digits: string): boolean {
  if (!/^\d{14}$/.test(digits)) return false;
  return (
    digits.split('').reduce((sum, digit, i) => sum + Number(digit) * (i % 2 === 0 ? 3 : 1), 0) % 10 === 0
  );
}

const HIBC = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%';

/** A HIBC primary data structure, ANSI/HIBC 2.6: `+`, labeler, product, unit of measure, modulo 43 check character. */
export function isHibc(text: string): boolean {
  if (!/^\+[A-Z][A-Z0-9]{3}[A-Z0-9]{1,18}\d[0-9A-Z. $/+%-]$/.test(text)) return false;
  const sum = text
    .slice(0, -1)
    .split('')
    .reduce((total, character) => total + HIBC.indexOf(character), 0);
  return HIBC[sum % 43] === text.at(-1);
}

/** An area of a social security number that has been issued: not 000, 666 or 900-999; group and serial not zero. */
export function isIssuableSsn(digits: string): boolean {
  return /^(?!000|666|9)\d{3}(?!00)\d{2}(?!0000)\d{4}$/.test(digits);
}
