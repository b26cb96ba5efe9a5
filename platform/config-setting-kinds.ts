/**
 * The kinds of settings that gauze.yaml is built from: text, path, number, address, group; each with its meaning.
 * Says nothing of any one setting, and lets none be without a text for the reference.
 */
import { z } from 'zod';

/** What is written about a setting beside its type. */
export interface SettingText {
  /** One or two sentences for the reference. */
  readonly doc: string;
  /** Completes "must be ...". */
  readonly expected: string;
  readonly unit?: string;
  /** A path, taken relative to the config file. */
  readonly isPath?: boolean;
  /**
   * Of an address, or a file that only those need who connect: what stands for it where its variable is not set and
   * nothing will be connected to. Leads nowhere.
   */
  readonly standIn?: string;
}

/** What is written about each schema object of this file. */
export const settingTexts = z.registry<SettingText>();

/** Ties a text to a schema. */
export function described<S extends z.ZodType>(schema: S, text: SettingText): S {
  settingTexts.add(schema, text);
  return schema;
}

/** One line of text. */
export function text(expected: string, doc: string, pattern = /^[^\n]+$/) {
  return described(z.string().regex(pattern), { doc, expected });
}

/** In place of a host or a path: a name that never leads anywhere (RFC 2606, 2). */
export const NOWHERE = 'unset.invalid';

/** The path of a file that is read by who connects to something: secrets, certificates, evidence. */
export function file(doc: string) {
  return described(z.string().min(1), {
    doc,
    expected: 'the path of a file',
    isPath: true,
    standIn: NOWHERE,
  });
}

/** A whole number, also as digits in quotes: that is how `"${PORT}"` arrives. */
export function wholeNumber(
  range: { min: number; max: number; default: number },
  doc: string,
  unit?: string,
) {
  const number = z.int().min(range.min).max(range.max);
  const digits = z.string().regex(/^\d{1,15}$/);
  const expected = `a whole number from ${range.min} to ${range.max}`;
  return described(z.union([number, digits.transform(Number).pipe(number)]).default(range.default), {
    doc,
    expected,
    ...(unit ? { unit } : {}),
  });
}

/** Settings that belong together; one that is not among them is an error. */
export function group<T extends z.ZodRawShape>(shape: T, doc: string) {
  return described(z.strictObject(shape), { doc, expected: 'a group of settings' });
}

/** `scheme://host[:port][/path]` without user or password. */
export function url(schemes: string, doc: string) {
  const names = schemes.split(' or ');
  return described(z.string().regex(new RegExp(`^(${names.join('|')})://[^\\s/@]+(/[^\\s@]*)?$`)), {
    doc,
    expected: `an address that begins with ${schemes}, without user and password`,
    standIn: `${names.at(-1)}://${NOWHERE}`,
  });
}
