/**
 * A topic as `gauze explain` shows it to people: audiences side by side where the terminal has room for them, else
 * field by field. Names, methods and reasons of policies only.
 */
import type { TopicToExplain } from './explain-source.ts';
import { pseudonymLines } from './explain-pseudonyms.ts';
import type { AudienceView, Explanation, Treatment } from './explanation.ts';
import { styled } from './terminal.ts';
import type { Cell, CellLine } from './wrapped-table.ts';
import { columnWidths, wrap, wrappedTable } from './wrapped-table.ts';

/** The methods of which the name says all that comes out. */
const PLAIN = new Set(['keep', 'drop', 'held', 'withheld', 'no rule']);

/** A line of the table: a field, the key, a header or the time. */
interface Thing {
  readonly name: string;
  /** Type and tags, in words. */
  readonly kind: string;
  /** One for each audience. */
  readonly treatments: readonly Treatment[];
}

/** Lines for a terminal of `width` characters. */
export function explanationLines(explanation: Explanation, width: number): readonly string[] {
  const { audiences, topic } = explanation;
  const things = thingsOf(explanation);
  const first = Math.max(...things.map(({ name, kind }) => Math.max(name.length, kind.length)), 0);
  return [
    ...titleLines(topic, width),
    ...wrap(audiences.map(headOf).join('; '), width),
    '',
    ...(audiences.length === 1
      ? oneAudience(things, columnWidths(width, first, 3), width)
      : sideBySide(audiences, things, columnWidths(width, first, audiences.length), width)),
    ...pseudonymLines(explanation, width),
  ];
}

/** The topic and where its schema is from. */
export function titleLines({ topic, source }: TopicToExplain, width: number): readonly string[] {
  return wrap(`${topic} (${source})`, width).map((line) => styled('bold', line));
}

function headOf({ policy: { policy, version }, plan }: AudienceView): string {
  const state = plan ? `plan ${plan.hash.slice(0, 12)}` : 'does not compile';
  return `${policy.audience}: ${policy.regime}, version ${version}, ${state}`;
}

function thingsOf({ fields, audiences }: Explanation): readonly Thing[] {
  const own = fields.map(({ path, type, tags }) => ({
    name: path === '' ? '(value)' : path,
    kind: [type, ...(tags.length > 0 ? tags : ['no tag'])].join(' · '),
    treatments: audiences.map((audience) => audience.fields.get(path)!),
  }));
  const keyTags = new Set(audiences.map(({ key }) => key.tag ?? 'no tag'));
  const headers = [...new Set(audiences.flatMap((audience) => [...audience.headers.keys()]))].toSorted();
  return [
    ...own,
    {
      name: '(record key)',
      kind: [...keyTags].join(' or '),
      treatments: audiences.map(({ key }) => key),
    },
    ...headers.map((name) => ({
      name: `(header ${name})`,
      kind: 'header',
      treatments: audiences.map((audience) => headerTreatment(audience.headers.get(name))),
    })),
    {
      name: headers.length > 0 ? '(other headers)' : '(headers)',
      kind: 'header',
      treatments: audiences.map(() => headerTreatment(undefined)),
    },
    ...sensitiveThings(audiences),
    {
      name: '(timestamp)',
      kind: 'of the record',
      treatments: audiences.map(({ timestamp }) => timestamp),
    },
  ];
}

/** Records that are sensitive by a code: told where any audience has a rule for them. */
function sensitiveThings(audiences: readonly AudienceView[]): readonly Thing[] {
  const tags = [...new Set(audiences.flatMap(({ sensitive }) => [...sensitive.keys()]))].toSorted();
  const none = { instruction: null, method: 'no rule', comesOut: 'the record, by its fields', why: '' };
  return tags.map((tag) => ({
    name: '(sensitive record)',
    kind: tag,
    treatments: audiences.map(({ sensitive }) => sensitive.get(tag) ?? none),
  }));
}

function headerTreatment(reason: string | undefined): Treatment {
  return reason === undefined
    ? { instruction: null, method: 'drop', comesOut: 'nothing', why: 'not named in the policy' }
    : { instruction: null, method: 'keep', comesOut: 'the value itself', why: reason };
}

function sideBySide(
  audiences: readonly AudienceView[],
  things: readonly Thing[],
  widths: readonly number[] | null,
  width: number,
): readonly string[] {
  const names = audiences.map(({ policy }) => policy.policy.audience);
  if (widths === null) return things.flatMap((thing) => block(thing, names, width));
  const head = ['field', ...names].map((text) => ({ text, style: 'bold' }) as const);
  const rows = things.map((thing) => [
    nameCell(thing),
    ...thing.treatments.map((each) => treatmentCell(each, thing)),
  ]);
  return wrappedTable(head, rows, widths);
}

function oneAudience(
  things: readonly Thing[],
  widths: readonly number[] | null,
  width: number,
): readonly string[] {
  if (widths === null) return things.flatMap((thing) => block(thing, [''], width));
  const head = ['field', 'method', 'what comes out', 'why'].map((text) => ({ text, style: 'bold' }) as const);
  const rows = things.map((thing) => {
    const [treatment] = thing.treatments;
    const { comesOut, why } = treatment!;
    return [nameCell(thing), [methodLine(treatment!)], [{ text: comesOut }], [{ text: why }]];
  });
  return wrappedTable(head, rows, widths);
}

function nameCell({ name, kind }: Thing): Cell {
  return [{ text: name }, { text: kind, style: 'dim' }];
}

/** What comes out, and why, only where the method's name and the field's tags have not said so. */
function treatmentCell(treatment: Treatment, { kind }: Thing): Cell {
  const { method, instruction, comesOut, why } = treatment;
  const isPlain = PLAIN.has(instruction?.method ?? method);
  const [, tag] = /^tag (\w+)$/.exec(why) ?? [];
  const isSaid = tag !== undefined && kind.includes(tag);
  return [
    methodLine(treatment),
    ...(isPlain ? [] : [{ text: `→ ${comesOut}` }]),
    ...(isSaid || why === '' || why === 'not named in the policy'
      ? []
      : [{ text: why, style: 'dim' } as const]),
  ];
}

/** Green tells nothing, yellow tells the value, red holds. */
function methodLine({ method, instruction }: Treatment): CellLine {
  if (method === 'held') return { text: method, style: 'red' };
  const name = instruction?.method ?? method;
  if (name === 'keep') return { text: method, style: 'yellow' };
  return name === 'drop' || name === 'redact' || name === 'withheld'
    ? { text: method, style: 'green' }
    : { text: method };
}

/** A field by itself, for terminals that are too narrow for a table. */
function block({ name, kind, treatments }: Thing, audiences: readonly string[], width: number): string[] {
  const lines = treatments.flatMap(({ method, comesOut, why }, at) => {
    const [audience] = audiences.slice(at);
    const reason = why === '' ? '' : ` (${why})`;
    return wrap(`${audience ? `${audience}: ` : ''}${method} → ${comesOut}${reason}`, Math.max(1, width - 4));
  });
  return [
    ...wrap(name, width).map((line) => styled('bold', line)),
    ...wrap(kind, Math.max(1, width - 2)).map((line) => `  ${styled('dim', line)}`),
    ...lines.map((line) => `    ${line}`),
  ];
}
