/**
 * Scrubs a text: what is known of the record's person goes, then what the recognisers find, each with a surrogate in
 * its place (`[NAME]`, `[DATE]`). The same text and the same known values give the same result.
 * It must never keep a text, nor say where in it something was found.
 */
import { findDates, findOldAges } from './date-recognisers.ts';
import { mergedFindings } from './finding.ts';
import type { AddFinding, Finding } from './finding.ts';
import type { KnownValues } from './known-values.ts';
import { findNames } from './name-recogniser.ts';
import { findNetworkAddresses } from './network-recognisers.ts';
import { findNumbers } from './number-recognisers.ts';
import { findAddressNumbers, findPlaces } from './place-recognisers.ts';
import { MAY_STAY } from './spoken-words.ts';
import { wordLists } from './word-lists.ts';
import { folded, wordsOf } from './words.ts';

/** What is found in `text`, in order, none touching another. `known` null: recognisers alone. */
export function findingsIn(text: string, known: KnownValues | null): Finding[] {
  const findings: Finding[] = [];
  const add: AddFinding = (start, end, kind) => {
    findings.push({ start, end, kind });
  };
  known?.find(text, add);
  findNetworkAddresses(text, add);
  findDates(text, add);
  findNumbers(text, add);
  findPlaces(text, mayStay, add);
  findOldAges(text, add);
  findNames(text, wordsOf(text), wordLists(), add);
  findAddressNumbers(text, mergedFindings(text, findings), add);
  return mergedFindings(text, findings);
}

/** `text` with surrogates in place of what is found. */
export function scrubbed(text: string, known: KnownValues | null): string {
  let result = '';
  let at = 0;
  for (const { start, end, kind } of findingsIn(text, known)) {
    result += `${text.slice(at, start)}[${kind}]`;
    at = end;
  }
  return result + text.slice(at);
}

function mayStay(place: string): boolean {
  return folded(place)
    .split(/[\s-]+/)
    .every(
      (word) =>
        MAY_STAY.has(word) ||
        word === 'the' ||
        word === 'of' ||
        word === 'south' ||
        word === 'north' ||
        word === 'new',
    );
}
