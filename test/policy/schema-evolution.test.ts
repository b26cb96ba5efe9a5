/**
 * What becomes of readers when a raw schema changes: each row of docs/policy.md on bytes, by gauze's own rules and by
 * avsc's schema resolution. The Java library does the same in test/integration/java-readers.test.ts.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import type { Schema, Type as AvscType } from 'avsc';
import { readingBreaks, versionBreaks } from '../../schemas/compatibility.ts';
import { EVOLUTION, OUTCOMES, publish } from '../support/evolution-rows.ts';
import type { Published } from '../support/evolution-rows.ts';

type Readable = AvscType & { createResolver(writer: AvscType): unknown };
const { Type } = createRequire(import.meta.url)('avsc') as { Type: { forSchema(schema: Schema): Readable } };

/** Does a consumer of `reader` read what was published under `writer`? As avsc resolves the two. */
function reads(reader: Published, writer: Published): boolean {
  const [read, written] = [reader, writer].map(({ schema }) => Type.forSchema(JSON.parse(schema) as Schema));
  try {
    const value: unknown = read!.fromBuffer(writer.bytes, read!.createResolver(written!));
    return (value as { kept: string }).kept === 'k';
  } catch {
    return false;
  }
}

describe('a change of a raw schema', () => {
  test.each(EVOLUTION)('$change: $outcome', (row) => {
    const [before, after] = publish(row);
    const backward = versionBreaks('BACKWARD', after.parsed, [before.parsed]);
    const forward = readingBreaks(before.parsed, after.parsed);
    expect(after.schema === before.schema).toBe(row.outcome === 'same');
    expect(backward.map(({ path }) => path)).toEqual(row.outcome === 'breaks' ? [row.path] : []);
    if (row.outcome === 'same' || row.outcome === 'both') expect(forward).toEqual([]);
    if (row.outcome === 'new') expect(forward).not.toEqual([]);
    expect(versionBreaks('NONE', after.parsed, [before.parsed])).toEqual([]);
    // What gauze says of schemas is what happens to bytes.
    if (row.isSilent) return;
    expect([reads(after, before), reads(before, after)]).toEqual([
      backward.length === 0,
      forward.length === 0,
    ]);
  });
});

test('the page of policy writers has this table, row by row', () => {
  const page = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8');
  const rows = page
    .split('\n')
    .map((line) => /^\| (.+?) +\| (.+?) +\|$/.exec(line))
    .flatMap((match) => (match && Object.values(OUTCOMES).includes(match[2]!) ? [match.slice(1, 3)] : []));
  expect(rows).toEqual(EVOLUTION.map(({ change, outcome }) => [change, OUTCOMES[outcome]]));
});
