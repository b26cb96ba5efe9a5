/**
 * Looks for a patient's values in a text, written without any code of scrub, so that it can find what scrub misses:
 * each value in many renderings, made by Intl and by hand, looked for by plain search.
 */

/** What is used of a FHIR Patient. */
export interface Patient {
  readonly id: string;
  readonly name: readonly { readonly family: string; readonly given: readonly string[] }[];
  readonly extension?: readonly { readonly url: string; readonly valueString?: string }[];
  readonly birthDate: string;
  readonly deceasedDateTime?: string;
  readonly telecom?: readonly { readonly value: string }[];
  readonly address: readonly {
    readonly line: readonly string[];
    readonly city: string;
    readonly postalCode?: string;
  }[];
  readonly identifier: readonly { readonly value: string }[];
  /** Of the record that the text stands in. */
  readonly noteDate?: string;
}

/** One way to write a value. */
export interface Rendering {
  /** The value that it is of. */
  readonly value: string;
  readonly text: string;
}

const madeFor = new WeakMap<Patient, readonly Rendering[]>();

/** All renderings of all values of a patient. */
export function renderings(patient: Patient): readonly Rendering[] {
  let made = madeFor.get(patient);
  if (!made) {
    made = [...names(patient), ...dates(patient), ...numbers(patient), ...places(patient)];
    madeFor.set(patient, made);
  }
  return made;
}

/** How many times one of the renderings stands in `text`, by itself and not inside a longer word or number. */
export function stillThere(patient: Patient, text: string): number {
  const lower = text.toLowerCase();
  const unique = new Set(renderings(patient).map((each) => each.text.toLowerCase()));
  return [...unique].reduce((sum, needle) => sum + count(lower, needle), 0);
}

function count(text: string, needle: string): number {
  let found = 0;
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + needle.length)) {
    const isInside = isWord(text[at - 1], needle[0]!) || isWord(text[at + needle.length], needle.at(-1)!);
    if (!isInside) found += 1;
  }
  return found;
}

/** Do two neighbours belong to one word, or to one number? */
function isWord(neighbour: string | undefined, end: string): boolean {
  if (neighbour === undefined) return false;
  return /\p{L}/u.test(end) ? /\p{L}/u.test(neighbour) : /\d/.test(end) && /\d/.test(neighbour);
}

function names({ name, extension = [] }: Patient): Rendering[] {
  const maiden = extension
    .filter(({ url }) => url.endsWith('mothersMaidenName'))
    .map((each) => each.valueString ?? '');
  const parts = [
    ...name.flatMap(({ family, given }) => [family, ...given]),
    ...maiden.flatMap((each) => each.split(' ')),
  ];
  const single = parts
    .filter((part) => part !== '')
    .flatMap((value) => {
      // Synthetic names end with a number; without it they read like real ones.
      const bare = value.replace(/\d+$/, '');
      return [value, bare, bare.toUpperCase(), `${bare}'s`].map((text) => ({ value, text }));
    });
  const whole = name.flatMap(({ family, given }) => {
    const [bare, first] = [family, given[0] ?? ''].map((each) => each.replace(/\d+$/, ''));
    const value = `${given.join(' ')} ${family}`;
    const written = [value, `${bare}, ${first}`, `${first} ${bare}`, `${first}\n${bare}`, `${first}-${bare}`];
    return [...written, `${first} ${bare}`.toLowerCase()].map((text) => ({ value, text }));
  });
  return [...single, ...whole];
}

const FORMATS: readonly (readonly [string, Intl.DateTimeFormatOptions])[] = [
  ['en-US', { dateStyle: 'short' }],
  ['en-US', { dateStyle: 'medium' }],
  ['en-US', { dateStyle: 'long' }],
  ['en-US', { dateStyle: 'full' }],
  ['en-US', { year: 'numeric', month: '2-digit', day: '2-digit' }],
  ['en-US', { month: 'long', day: 'numeric' }],
  ['en-US', { month: 'short', day: '2-digit' }],
  ['en-GB', { dateStyle: 'short' }],
  ['en-GB', { dateStyle: 'medium' }],
  ['en-GB', { day: 'numeric', month: 'long' }],
  ['de-DE', { dateStyle: 'medium' }],
  ['de-DE', { year: 'numeric', month: 'numeric', day: 'numeric' }],
  ['sv-SE', { dateStyle: 'short' }],
  ['en-CA', { year: 'numeric', month: '2-digit', day: '2-digit' }],
];

function dates({ birthDate, deceasedDateTime, noteDate }: Patient): Rendering[] {
  return [birthDate, deceasedDateTime, noteDate].flatMap((written) => {
    if (written === undefined) return [];
    const value = written.slice(0, 10);
    const date = new Date(`${value}T12:00:00Z`);
    const made = FORMATS.map(([locale, options]) =>
      new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' }).format(date),
    );
    const [year = '', month = '', day = ''] = value.split('-');
    const joined = [value, year + month + day, `${month}-${day}-${year}`, `${month}${day}${year}`];
    return [...made, ...joined].map((text) => ({ value, text }));
  });
}

function numbers({ telecom = [], identifier }: Patient): Rendering[] {
  const phones = telecom.flatMap(({ value }) => {
    const [area = '', office = '', line = ''] = value.split('-');
    const written = [
      value,
      `(${area}) ${office}-${line}`,
      `${area}.${office}.${line}`,
      `${area} ${office} ${line}`,
    ];
    return [...written, `${area}${office}${line}`, `+1 ${value}`, `${office}-${line}`].map((text) => ({
      value,
      text,
    }));
  });
  const ids = identifier.flatMap(({ value }) =>
    [
      value,
      value.toUpperCase(),
      value.toLowerCase(),
      value.replaceAll('-', ''),
      value.replaceAll('-', ' '),
    ].map((text) => ({ value, text })),
  );
  return [...phones, ...ids];
}

function places({ address }: Patient): Rendering[] {
  return address.flatMap(({ line, city, postalCode }) => {
    const whole = [...line, city].flatMap((value) =>
      [value, value.toUpperCase(), value.replace(' ', '\n')].map((text) => ({ value, text })),
    );
    const zip = postalCode
      ? [postalCode, `${postalCode}-1234`].map((text) => ({ value: postalCode, text }))
      : [];
    return [...whole, ...zip];
  });
}
