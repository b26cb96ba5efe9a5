/**
 * Measures scrub on public data with known answers: notes whose patients are known, sentences with labels, medical
 * words. Counts only: it must never return a piece of a text.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Finding, SurrogateKind } from '../processors/text/finding.ts';
import { readDate } from '../processors/text/date-forms.ts';
import { KnownValues } from '../processors/text/known-values.ts';
import type { KnownValue } from '../processors/text/known-values.ts';
import { findingsIn } from '../processors/text/scrubber.ts';
import { wordLists } from '../processors/text/word-lists.ts';
import { renderings, stillThere } from './known-value-search.ts';
import type { Patient } from './known-value-search.ts';

const DATA = path.resolve(import.meta.dirname, '../../shared/data');

/** Are the three sets of data there? */
export function hasFreeTextData(): boolean {
  return ['smart-bulk-fhir', 'presidio-research', 'synthea-smart'].every((folder) =>
    existsSync(path.join(DATA, folder)),
  );
}

interface DocumentReference {
  readonly date: string;
  readonly subject: { readonly reference: string };
  readonly content: readonly { readonly attachment: { readonly data: string } }[];
}

/** What is left of known values in texts. */
export interface KnownFigures {
  readonly texts: number;
  readonly patients: number;
  /** Distinct values of the patients that were looked for, in all their renderings. */
  readonly values: number;
  /** How often one of them stands in the texts as they are. */
  readonly before: number;
  /** How often after the known values alone are taken out, without any recogniser. */
  readonly afterKnown: number;
  /** How often after the whole of scrub. */
  readonly after: number;
}

/** The clinical notes, with what their own records say of their patients; and sentences made of every rendering. */
export function measureKnown(): { readonly notes: KnownFigures; readonly planted: KnownFigures } {
  const patients = new Map(
    lines<Patient>('smart-bulk-fhir/Patient.13.ndjson').map((each) => [each.id, each]),
  );
  const notes = lines<DocumentReference>('smart-bulk-fhir/DocumentReference.122.ndjson').flatMap(
    (document) => {
      const patient = patients.get(document.subject.reference.replace('Patient/', ''));
      if (!patient) return [];
      return document.content.map(({ attachment }) => ({
        text: Buffer.from(attachment.data, 'base64').toString('utf8'),
        patient: { ...patient, noteDate: document.date },
      }));
    },
  );
  const planted = lines<Patient>('smart-bulk-fhir/Patient.1144.ndjson').map((patient) => ({
    text: renderings(patient)
      .map(({ text }) => `Then ${text}, it was said.`)
      .join('\n'),
    patient,
  }));
  return { notes: knownFigures(notes), planted: knownFigures(planted) };
}

function knownFigures(texts: readonly { readonly text: string; readonly patient: Patient }[]): KnownFigures {
  let [before, afterKnown, after] = [0, 0, 0];
  const values = new Set<string>();
  for (const { text, patient } of texts) {
    const known = new KnownValues(knownOf(patient), wordLists());
    const found: Finding[] = [];
    known.find(text, (start, end, kind) => found.push({ start, end, kind }));
    before += stillThere(patient, text);
    afterKnown += stillThere(patient, without(text, found));
    after += stillThere(patient, without(text, findingsIn(text, known)));
    for (const { value } of renderings(patient)) values.add(value);
  }
  const patients = new Set(texts.map(({ patient }) => patient.id)).size;
  return { texts: texts.length, patients, values: values.size, before, afterKnown, after };
}

/** As the tags of a patient's schema would give them to scrub. */
function knownOf(patient: Patient): KnownValue[] {
  const values: KnownValue[] = [];
  for (const { family, given } of patient.name)
    for (const text of [family, ...given]) values.push({ kind: 'name', text });
  for (const { url, valueString } of patient.extension ?? [])
    if (url.endsWith('mothersMaidenName') && valueString) values.push({ kind: 'name', text: valueString });
  for (const text of [patient.birthDate, patient.deceasedDateTime, patient.noteDate]) {
    const date = text === undefined ? null : readDate(text);
    if (date) values.push({ kind: 'date', date });
  }
  for (const { value } of patient.telecom ?? []) values.push({ kind: 'phone', text: value });
  for (const { line, city, postalCode } of patient.address) {
    for (const text of [...line, city]) values.push({ kind: 'address', text });
    if (postalCode) values.push({ kind: 'ZIP', text: postalCode });
  }
  for (const { value } of patient.identifier) values.push({ kind: 'ID', text: value });
  return values;
}

function without(text: string, findings: readonly Finding[]): string {
  const gone = new Uint8Array(text.length);
  for (const { start, end } of findings) gone.fill(1, start, end);
  return text
    .split('')
    .map((character, i) => (gone[i] === 1 ? '#' : character))
    .join('');
}

// ---- labelled sentences

interface Sentence {
  readonly full_text: string;
  readonly spans: readonly {
    readonly entity_type: string;
    readonly entity_value: string;
    readonly start_position: number;
    readonly end_position: number;
  }[];
}

export interface LabelFigures {
  readonly sentences: number;
  /** By label: how many there are, and how many are covered for 90 % of their characters at least. */
  readonly labels: ReadonlyMap<string, { readonly all: number; readonly covered: number }>;
  /** By surrogate: how many were put in, and how many of them touch a label. */
  readonly surrogates: ReadonlyMap<SurrogateKind, { readonly all: number; readonly labelled: number }>;
}

const COVERED = 0.9;

/** Recognisers alone, on sentences of all sorts with labels. */
export function measureLabels(file: string): LabelFigures {
  const sentences = JSON.parse(
    readFileSync(path.join(DATA, 'presidio-research', file), 'utf8'),
  ) as Sentence[];
  const labels = new Map<string, { all: number; covered: number }>();
  const surrogates = new Map<SurrogateKind, { all: number; labelled: number }>();
  for (const { full_text: text, spans } of sentences) {
    const found = findingsIn(text, null);
    const isFound = new Uint8Array(text.length);
    for (const { start, end } of found) isFound.fill(1, start, end);
    const labelled = spans.map(({ entity_type: type, entity_value: value, start_position: at }) => {
      const start = placeOf(text, value, at);
      const end = start + value.length;
      const count = isFound.subarray(start, end).reduce((sum, each) => sum + each, 0);
      tally(labels, type, { all: 1, covered: count >= COVERED * value.length ? 1 : 0 });
      return { start, end };
    });
    for (const { start, end, kind } of found) {
      const touches = labelled.some((label) => label.start < end && start < label.end);
      tally(surrogates, kind, { all: 1, labelled: touches ? 1 : 0 });
    }
  }
  return { sentences: sentences.length, labels, surrogates };
}

/** Where the labelled value stands: some labels are a character or two off. */
function placeOf(text: string, value: string, at: number): number {
  for (const distance of [0, -1, 1, -2, 2]) if (text.startsWith(value, at + distance)) return at + distance;
  return at;
}

function tally<K, T extends Record<string, number>>(counts: Map<K, T>, key: K, more: T): void {
  const known = counts.get(key);
  if (!known) return void counts.set(key, { ...more });
  for (const name of Object.keys(more)) (known as Record<string, number>)[name]! += more[name]!;
}

// ---- medical words

export interface MedicalFigures {
  /** Distinct names of observations, encounters and their reasons, as the export writes them. */
  readonly displays: number;
  readonly displayWords: number;
  readonly displayFindings: number;
  /** Words of the notes' lists of conditions, drugs and procedures, each made to begin with a capital. */
  readonly termWords: number;
  readonly termFindings: number;
}

/** What scrub takes for an identifier where there is none. */
export function measureMedicalWords(): MedicalFigures {
  const displays = new Set([
    ...column('synthea-smart/observations.csv', 'DESCRIPTION'),
    ...column('synthea-smart/encounters.csv', 'DESCRIPTION'),
    ...column('synthea-smart/encounters.csv', 'REASONDESCRIPTION'),
  ]);
  const terms = new Set<string>();
  for (const { content } of lines<DocumentReference>('smart-bulk-fhir/DocumentReference.122.ndjson'))
    for (const { attachment } of content)
      for (const term of termsOf(Buffer.from(attachment.data, 'base64').toString('utf8'))) terms.add(term);
  // In the midst of a sentence and with a capital: where a name would stand.
  const sentences = [...terms].map((term) => `He was told that ${capitals(term)} is meant.`);
  return {
    displays: displays.size,
    displayWords: words([...displays]),
    displayFindings: findings([...displays]),
    termWords: words([...terms]),
    termFindings: findings(sentences),
  };
}

/** The items of the lists of a note: procedures, drugs, conditions. */
function termsOf(note: string): string[] {
  const listed = note
    .split('\n')
    .filter((line) => line.startsWith('- '))
    .map((line) => line.slice(2));
  const history = /Patient has a history of ([^\n]*)\./.exec(note)?.[1]?.split(/, (?=[a-z])/) ?? [];
  const drugs = /# Medications\n([^\n#]*)/.exec(note)?.[1]?.split('; ') ?? [];
  return [...listed, ...history, ...drugs].filter((term) => term.trim() !== '' && !term.startsWith('No '));
}

function capitals(term: string): string {
  return term.replaceAll(/(?<![\p{L}\p{N}])\p{Ll}(?=\p{L})/gu, (letter) => letter.toUpperCase());
}

function words(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + (text.match(/\p{L}+/gu)?.length ?? 0), 0);
}

function findings(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + findingsIn(text, null).length, 0);
}

// ---- time

/** Milliseconds for one note, known values and all, as the mean over all notes; and their mean length in characters. */
export function measureTime(): { readonly ms: number; readonly characters: number } {
  const patients = new Map(
    lines<Patient>('smart-bulk-fhir/Patient.13.ndjson').map((each) => [each.id, each]),
  );
  const notes = lines<DocumentReference>('smart-bulk-fhir/DocumentReference.122.ndjson').map((document) => ({
    text: Buffer.from(document.content[0]!.attachment.data, 'base64').toString('utf8'),
    values: knownOf(patients.get(document.subject.reference.replace('Patient/', ''))!),
  }));
  const all = (): void => {
    for (const { text, values } of notes) findingsIn(text, new KnownValues(values, wordLists()));
  };
  all();
  const began = performance.now();
  for (let round = 0; round < 5; round += 1) all();
  const ms = (performance.now() - began) / 5 / notes.length;
  return { ms, characters: notes.reduce((sum, { text }) => sum + text.length, 0) / notes.length };
}

// ---- files

function lines<T>(file: string): T[] {
  const text = readFileSync(path.join(DATA, file), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

/** Distinct values of one column of a CSV file. */
function column(file: string, name: string): Set<string> {
  const [header = '', ...rows] = readFileSync(path.join(DATA, file), 'utf8').split(/\r?\n/);
  const at = cells(header).indexOf(name);
  return new Set(rows.map((row) => cells(row)[at] ?? '').filter((value) => value !== ''));
}

function cells(row: string): string[] {
  return [...row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    (match) => match[1]?.replaceAll('""', '"') ?? match[2] ?? '',
  );
}
