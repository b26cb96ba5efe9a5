/**
 * Recognisers of dates in the usual written forms, and of ages over 89 (45 CFR 164.514(b)(2)(i)(C)).
 * A year alone and an age up to 89 may stay; a year after "born" goes. Every pattern is bounded.
 */
import type { AddFinding } from './finding.ts';

const MONTHS =
  'jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?';
const DAY = '(?:0?[1-9]|[12]\\d|3[01])(?:st|nd|rd|th)?';
const YEAR = "(?:(?:1[89]|20)\\d{2}|['’]\\d{2})";
const TIME =
  '(?:(?:,? (?:at )?|T)\\d{1,2}:\\d{2}(?::\\d{2}(?:[.,]\\d{1,9})?)?(?: ?[ap]\\.?m\\.?)?(?: ?(?:Z|UTC|[+-]\\d{2}:?\\d{2}))?)?';
const NUMERIC_MONTH = '(?:0?[1-9]|1[0-2])';
const NUMERIC_DAY = '(?:0?[1-9]|[12]\\d|3[01])';

const WRITTEN: readonly RegExp[] = [
  // 2020-02-03, 2020/2/3 11:04, 2020-02-03T11:04:05Z
  pattern(`(?<![\\d.])(?:1[89]|2[01])\\d{2}([-/.])${NUMERIC_MONTH}\\1${NUMERIC_DAY}(?!\\d)${TIME}(?!\\d)`),
  // 2/3/2020, 03.02.20, 2-3-20
  pattern(
    `(?<![\\d./-])(?:${NUMERIC_MONTH}([-/.])${NUMERIC_DAY}|${NUMERIC_DAY}([-/.])${NUMERIC_MONTH})(?:\\1|\\2)(?<=[-/.])(?:(?:1[89]|2[01])\\d{2}|\\d{2})(?![\\d]|[./-]\\d)${TIME}`,
  ),
  // 02/2020, 2020-02
  pattern(`(?<![\\d./-])${NUMERIC_MONTH}[/-](?:19|20)\\d{2}(?![\\d/-])`),
  pattern(`(?<![\\d./-])(?:19|20)\\d{2}-(?:0[1-9]|1[0-2])(?![\\d/-]|\\.\\d)`),
  // February 3, 2020; Feb. 3rd; 3 Feb 2020; 3rd of February; 03-FEB-2020; February 2020
  pattern(
    `(?<![\\p{L}\\d])(?:${MONTHS})\\.?[ -]{1,2}(?:the )?${DAY}(?![\\d:]|\\.\\d)(?:(?:,|,? ?of)?[\\s-]{1,2}${YEAR}(?!\\d))?${TIME}`,
  ),
  pattern(
    `(?<![\\p{L}\\d.])${DAY}[\\s-]{0,2}(?:of )?(?:${MONTHS})(?![\\p{L}])\\.?(?:,?(?: of)?[\\s-]{0,2}${YEAR}(?!\\d))?${TIME}`,
  ),
  pattern(`(?<![\\p{L}\\d])(?:${MONTHS})\\.?,?[\\s-](?:of )?${YEAR}(?!\\d)`),
  // on 3/4, since 12/24
  pattern(
    `(?<=\\b(?:on|since|from|until|till|dated|date|dob|seen|admitted|discharged|by|through|thru|between|before|after|of)[ :]{1,2})${NUMERIC_MONTH}/${NUMERIC_DAY}(?![\\d/]|\\.\\d| ?(?:%|mg|ml|mcg|strength|murmur|systolic))`,
  ),
  pattern(`(?<![\\p{L}])(?:mon|tues|wednes|thurs|fri|satur|sun)days?(?!\\p{L})`),
  pattern(
    `(?<![\\p{L}])(?:christmas(?: (?:day|eve))?|thanksgiving|easter(?: sunday)?|new year['’]?s(?: (?:day|eve))?|independence day|labor day|memorial day|halloween|valentine['’]?s day|mother['’]?s day|father['’]?s day|veterans day|columbus day|juneteenth|hanukkah|ramadan|diwali)(?!\\p{L})`,
  ),
];
/** A month by its name alone: with a capital, as `may` and `march` are words. */
const LONE_MONTH =
  /(?<=\b(?:in|since|last|this|next|early|late|mid|of|until|by|from|every|during|through|to|and|through)[ -])(?:January|February|March|April|May|June|July|August|September|October|November|December)(?!\p{L})/gu;
const BORN =
  /(?<![\p{L}])(?:born|birth|birthdate|dob|d\.o\.b\.?|yob)(?:[^\d\n]{0,30})((?:1[89]|20)\d{2})(?!\d)/giu;

const AGE_UNIT =
  '(?:[\\s-]{0,2}(?:years?|yrs?\\.?|y)[\\s-]{0,2}(?:old|of age|o\\b|/o\\b)|[\\s-]?(?:yo|y/o|y\\.o\\.|yof|yom)(?!\\p{L})|[\\s-](?:years?|yrs?)(?!\\p{L}))';
const OLD_NUMBER = '(?:9\\d|1[0-4]\\d)';
const AGES: readonly RegExp[] = [
  pattern(`(?<![\\d.,/])(${OLD_NUMBER})(?=${AGE_UNIT})`),
  pattern(
    `\\b(?:aged?|ages|age of|age is|age was|turn(?:s|ed|ing)?|reach(?:ed|ing))[ :=]{1,3}(${OLD_NUMBER})(?![\\d.%])`,
  ),
  pattern(
    `\\b(?:he|she|i|they|who|patient|pt|mother|father|grandmother|grandfather|aunt|uncle|husband|wife)(?:['’]s|['’]m| is| was| am| are) (?:now |already |almost |nearly )?(${OLD_NUMBER})(?! ?(?:%|[\\d/.]|mg|kg|cm|mm|bpm|lbs?|pounds|degrees|beats))`,
  ),
  pattern(
    `(?<!\\p{L})(ninety(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|(?:one|a) hundred(?: and (?:one|two|three|four|five|six|seven|eight|nine|ten))?)(?=[\\s-]{1,2}(?:years?|yrs?)[\\s-]{1,2}(?:old|of age))`,
  ),
  pattern('(?<!\\p{L})((?:nona|cente|supercente)genarian|centenarian|supercentenarian)s?(?!\\p{L})'),
  pattern(`(?<!\\p{L})(?:in (?:his|her|their)) ((?:(?:early|mid|late)[ -])?(?:90['’]?s|nineties))(?!\\p{L})`),
];

function pattern(source: string): RegExp {
  return new RegExp(source, 'giu');
}

/** Finds dates, and years of birth. */
export function findDates(text: string, add: AddFinding): void {
  for (const each of WRITTEN)
    for (const match of text.matchAll(each)) add(match.index, match.index + match[0].length, 'DATE');
  for (const match of text.matchAll(LONE_MONTH)) add(match.index, match.index + match[0].length, 'DATE');
  for (const match of text.matchAll(BORN)) {
    const end = match.index + match[0].length;
    add(end - match[1]!.length, end, 'DATE');
  }
}

/** Finds ages over 89: the number goes, the words around it stay. */
export function findOldAges(text: string, add: AddFinding): void {
  for (const each of AGES) {
    for (const match of text.matchAll(each)) {
      const start = match.index + match[0].lastIndexOf(match[1]!);
      add(start, start + match[1]!.length, 'AGE');
    }
  }
}
