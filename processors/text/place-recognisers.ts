/**
 * Recognisers of places smaller than a State (45 CFR 164.514(b)(2)(i)(B)): street addresses, post boxes, ZIP codes,
 * and towns where a State or a word of residence stands beside them. State and country may stay.
 * Every pattern is bounded, so a text costs time in proportion to its length.
 */
import type { AddFinding, Finding } from './finding.ts';

/** Suffixes of streets and their usual abbreviations, USPS Publication 28, appendix C1, the common ones. */
const SUFFIX =
  'street|str|st|avenue|aven|ave|av|road|rd|drive|drv|dr|lane|ln|court|ct|boulevard|blvd|way|place|pl|terrace|ter|circle|cir|highway|hwy|parkway|pkwy|trail|trl|square|sq|loop|landing|lndg|alley|aly|bypass|causeway|crescent|cres|cove|cv|crossing|xing|expressway|expy|extension|freeway|fwy|gardens|gdns|glen|green|grove|heights|hts|hill|hollow|island|junction|jct|knoll|manor|meadow|meadows|mews|mount|oval|pass|path|pike|plaza|plz|point|port|ridge|rdg|route|rte|row|run|spur|station|trace|turnpike|tpke|underpass|union|valley|via|view|village|vista|walk|wynd';
/** Suffixes that are measures, verbs or parts of the body as often as streets are left out where no number stands before. */
const CLEAR_SUFFIX =
  'street|avenue|ave|road|rd|lane|ln|boulevard|blvd|drive|highway|hwy|parkway|pkwy|terrace|turnpike|crescent';
const UNIT = '(?:apt|apartment|suite|ste|unit|room|rm|floor|fl|bldg|building|lot|trlr|#)';
const PART = "\\p{Lu}[\\p{L}\\p{M}.'’-]{0,30}";
const STATES =
  'Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|Wisconsin|Wyoming|Puerto Rico|Guam';
const STATE_CODES =
  'A[KLRZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]';

const STREET = new RegExp(
  `(?<![\\p{L}\\d.])\\d{1,6}(?:[A-Za-z]|-\\d{1,4}|½)?,?\\s{1,2}(?:(?:[NSEW]{1,2}\\.?|North|South|East|West)\\s)?(?:(?:${PART}|\\d{1,3}(?:st|nd|rd|th))\\s){1,4}(?:${caseless(SUFFIX)})(?!\\p{L})\\.?(?:\\s[NSEW]{1,2}(?!\\p{L}))?`,
  'gu',
);
const LOWER_STREET = new RegExp(
  `(?<![\\p{L}\\d.])\\d{1,6},?\\s(?:\\p{L}[\\p{L}\\p{M}'’-]{1,30}\\s){1,3}(?:street|avenue|road|lane|boulevard|blvd|highway|parkway|terrace|turnpike|drive)(?!\\p{L})`,
  'giu',
);
const NAMED_STREET = new RegExp(
  `(?<!\\p{L})(?:${PART}\\s){1,3}(?:${caseless(CLEAR_SUFFIX)})(?!\\p{L})\\.?`,
  'gu',
);
const SAINT_STREET = new RegExp(`(?<!\\p{L})(?:${PART}\\s){1,3}St\\.`, 'gu');
const SUB_UNIT = new RegExp(
  `(?<![\\p{L}\\d])${UNIT}\\.?\\s?(?:no\\.?\\s?|#\\s?)?(?:\\d{1,6}[A-Za-z]?|[A-Z]\\d{0,4})(?![\\p{L}\\d]|\\.\\d)`,
  'giu',
);
const BOX =
  /(?<!\p{L})(?:p\.?\s?o\.?\s?box|post office box|box|rural route|rr|hc|psc|cmr)\s{0,2}#?\s?\d{1,7}(?!\d)(?:,? box \d{1,6})?/giu;
/** Military post, USPS Publication 28, section 225. */
const MILITARY = /(?<!\p{L})[ADF]PO,?\s(?:AA|AE|AP)\s\d{5}(?!\d)/giu;
/** A State or country with a postal code after it, at the end of a line or a clause. */
const COUNTRY_CODE =
  /(?<!\p{L})(\p{L}{2,20})\s(?!(?:19|20)\d{2}(?!\d))\d{4,6}(?:-\d{3,4})?(?=\s{0,4}(?:$|[\n\r,.;)]))/gu;
/** A line that holds nothing else. */
const LONE_CODE = /(?<=\n[ \t>?]{0,8})\d{3,6}(?:[- ]\d{2,4})?(?=[ \t]{0,4}(?:\r?\n|$))/gu;

const STATE_ZIP = new RegExp(
  `(?:(?<![\\p{L}\\d.])(?:${PART}[ ]){0,2}${PART},?\\s{1,3})?(?<!\\p{L})(?:${STATES}|${STATE_CODES})\\.?,?\\s{1,5}(\\d{5}(?:-\\d{4})?)(?![\\d.])`,
  'gu',
);
const TOWN_STATE = new RegExp(
  `(?<![\\p{L}\\d.])((?:${PART}[ ]){0,2}${PART}),\\s(?:${STATES}|(?:${STATE_CODES})(?!\\p{L}))`,
  'gu',
);
const DEGREE_STATE = /(?:MD|PA)$/;
const ZIP_PLUS = /(?<![\d-])\d{5}-\d{4}(?![\d-])/gu;
const ANNOUNCED_ZIP =
  /(?<!\p{L})(?:zip(?:\s?code)?|postal\s?code|post\s?code|postcode|plz)(?:\s(?:is|was|of|number))?\s?[:#=]?\s{0,2}((?=[\p{L}\d -]{0,8}\d)[\p{L}\d]{2,9}(?:[ -](?=[\p{L}\d]{0,3}\d|[A-Z]{2}(?!\p{L}))[\p{L}\d]{1,4})?)(?![\p{L}\d])/giu;
const RESIDING =
  'lives?|living|lived|resid(?:es?|ed|ing)|raised|born|grew up|works?|working|worked|stay(?:s|ed|ing)|settled|located|based|hospitali[sz]ed|visit(?:s|ed|ing)?|travel(?:s|l?ed|l?ing)?|flew|flies|mov(?:ed|es|ing)|relocat(?:ed|es|ing)|return(?:ed|s|ing)|transferred|native|resident|town|city|village|county|originally|comes|came';
/** Whoever lives, comes or moves somewhere; the place itself has a capital. */
const RESIDENCE = new RegExp(
  `(?<!\\p{L})(?:(?:${inAnyCase(RESIDING)})(?:\\s(?:here|back|over|up|out))?\\s(?:in|from|to|at|of|near|outside|around)(?:\\sthe\\s(?:city|town|village)\\sof)?\\s)((?:${PART}[ -]){0,3}${PART})`,
  'gu',
);
const COUNTY = new RegExp(`(?<!\\p{L})(?:${PART}\\s){1,2}(?:County|Parish|Township|Borough)(?!\\p{L})`, 'gu');

/** The pattern for capitals too: an expression of which only this part ignores case needs Node 23. */
function inAnyCase(pattern: string): string {
  return pattern.replaceAll(/\[([a-z]+)\]|[a-z]/g, (found: string, letters: string | undefined) => {
    const small = letters ?? found;
    return `[${small}${small.toUpperCase()}]`;
  });
}

function caseless(words: string): string {
  return words
    .split('|')
    .flatMap((word) => [word, word[0]!.toUpperCase() + word.slice(1), word.toUpperCase()])
    .join('|');
}

/** Finds addresses, ZIP codes and towns. `mayStay` says which words are States and countries. */
export function findPlaces(text: string, mayStay: (place: string) => boolean, add: AddFinding): void {
  for (const pattern of [STREET, LOWER_STREET, SUB_UNIT, BOX, MILITARY])
    for (const match of text.matchAll(pattern)) add(match.index, match.index + match[0].length, 'ADDRESS');
  for (const pattern of [NAMED_STREET, SAINT_STREET])
    for (const match of text.matchAll(pattern)) namedStreet(match, add);
  for (const match of text.matchAll(STATE_ZIP)) {
    const end = match.index + match[0].length;
    add(end - match[1]!.length, end, 'ZIP');
  }
  for (const match of text.matchAll(TOWN_STATE))
    // `Ada Quill, MD` is a physician, not a town in Maryland: the recogniser of names takes it.
    if (!DEGREE_STATE.test(match[0])) add(match.index, match.index + match[1]!.length, 'PLACE');
  for (const match of text.matchAll(ZIP_PLUS)) add(match.index, match.index + match[0].length, 'ZIP');
  for (const match of text.matchAll(ANNOUNCED_ZIP)) {
    const end = match.index + match[0].length;
    add(end - match[1]!.length, end, 'ZIP');
  }
  for (const match of text.matchAll(RESIDENCE)) {
    const end = match.index + match[0].length;
    const dot = match[1]!.endsWith('.') ? 1 : 0;
    if (!mayStay(match[1]!)) add(end - match[1]!.length, end - dot, 'PLACE');
  }
  for (const match of text.matchAll(COUNTRY_CODE)) {
    const end = match.index + match[0].length;
    if (mayStay(match[1]!)) add(match.index + match[1]!.length + 1, end, 'ZIP');
  }
  for (const match of text.matchAll(COUNTY)) add(match.index, match.index + match[0].length, 'PLACE');
}

/** "The Road" is none; "On Abernathy Street" begins with its second word. */
function namedStreet(match: RegExpExecArray, add: AddFinding): void {
  const lead =
    /^(?:(?:The|A|An|On|At|In|Of|To|From|Off|Near|Down|Up|Along|Across|This|That|Our|My|His|Her|Their)\s){1,2}/u.exec(
      match[0],
    );
  const from = match.index + (lead?.[0].length ?? 0);
  const end = match.index + match[0].length;
  if (/\s/.test(match[0].slice(from - match.index))) add(from, end, 'ADDRESS');
}

/** A house number before what was found on the same line, or after it at the line's end. */
const NUMBER_BEFORE = /(?<=^|[\s,>(])\d{1,5}[A-Za-z]?(?:[ ]\d{1,5}[A-Za-z]?)?,?[ \t]{1,2}$/u;
const NUMBER_AFTER = /^,?[ \t]{1,2}\d{1,5}[A-Za-z]?(?=\.?[ \t]{0,4}(?:$|[\n\r,;]))/u;
const PLACED: ReadonlySet<string> = new Set(['NAME', 'PLACE', 'ADDRESS', 'ZIP']);
/** How far a postal code on a line of its own may stand after something found. */
const BLOCK_CHARACTERS = 40;

/**
 * Finds the numbers that belong to addresses already found: house numbers beside a name of a street, and postal codes
 * on a line of their own below. `findings` stand in order.
 */
export function findAddressNumbers(text: string, findings: readonly Finding[], add: AddFinding): void {
  const placed = findings.filter(({ kind }) => PLACED.has(kind));
  for (const { start, end } of placed) {
    const before = NUMBER_BEFORE.exec(text.slice(Math.max(0, start - 16), start));
    if (before) add(start - before[0].length, start, 'ADDRESS');
    const after = NUMBER_AFTER.exec(text.slice(end, end + 24));
    if (after) add(end, end + after[0].length, 'ADDRESS');
  }
  let at = 0;
  for (const match of text.matchAll(LONE_CODE)) {
    while (at < placed.length && placed[at]!.end <= match.index) at += 1;
    const before = placed[at - 1];
    if (before && match.index - before.end <= BLOCK_CHARACTERS)
      add(match.index, match.index + match[0].length, 'ZIP');
  }
}
