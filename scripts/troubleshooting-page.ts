/**
 * docs/troubleshooting.md as text: what can be wrong, with the messages of the table of errors. Writes nothing itself.
 */
import { errorRow } from '../platform/errors.ts';
import type { ErrorCode } from '../platform/errors.ts';
import { page, table } from './markdown.ts';
import { TROUBLE } from './troubleshooting-rows.ts';
import type { TroubleRow, TroubleSection } from './troubleshooting-rows.ts';

const INTRO = [
  'What can be wrong with what gauze is given: what you see, what becomes of the records, and what to do. Each row is shown',
  'by a test, named in its last column. Nothing here passes a raw value on, and nothing is lost: a record is published,',
  'withheld with a code, or its lane is held before it.',
  '',
  'All codes with their messages stand in [errors](reference/errors.md). `gauze check` finds what is wrong with a site before',
  'anything runs; `gauze status` says how each lane stands, and why it is held if it is.',
].join('\n');

/** The whole page. */
export function renderTroubleshooting(): string {
  return page('Troubleshooting', INTRO, TROUBLE.map(section));
}

function section({ title, seen, rows }: TroubleSection): string {
  const heads = ['what is wrong', 'what you see', 'the records', 'what to do', 'shown by'];
  return `## ${title}\n\n${seen}\n\n${table(heads, rows.map(cells))}`;
}

function cells({ what, codes, records, toDo, shownBy: [file] }: TroubleRow): readonly string[] {
  const seen = codes.length === 0 ? 'Nothing.' : codes.map(told).join('<br>');
  const name = file.slice(file.lastIndexOf('/') + 1).replace('.test.ts', '');
  return [what, seen, records, toDo, `[${name}](../test/${file})`];
}

/** The code, and the message with names in place of what is filled in. */
function told(code: ErrorCode): string {
  const message = errorRow(code).message.replace(/\{(\w+)\}/g, '&lt;$1&gt;');
  return `\`${code}\` ${message}`;
}
