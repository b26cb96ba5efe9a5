/**
 * Bytes against everything that is generated for a schema: the transcoder, the finders of persons and leaves. Random
 * schemas and plans, sound values of them, changed.
 */
import * as fc from 'fast-check';
import { faultCode } from '../../processors/fault.ts';
import { LeafFinder } from '../../processors/leaf-finder.ts';
import { PersonFinder } from '../../processors/person-finder.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import type { Transcoder } from '../../processors/transcoder.ts';
import { avscTypes } from '../../processors/value-oracle.ts';
import { leavesOf } from '../../schemas/tags.ts';
import { arbitraryCase } from '../support/arbitrary-plan.ts';
import type { ArbitraryCase } from '../support/arbitrary-plan.ts';
import { NOWHERE } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';
import { Random, changedBytes } from './random.ts';
import type { FuzzTarget } from './target.ts';

/** So many cases share a schema and a plan: making those takes longer than a thousand records. */
const CASES_PER_PLAN = 1_000;
const OUT = Buffer.alloc(1 << 22);
const keys = testKeys();

interface Made {
  readonly one: ArbitraryCase;
  readonly sound: Buffer;
  readonly transcoder: Transcoder;
  readonly person: PersonFinder | null;
  readonly leaves: LeafFinder;
}

let last: { readonly key: string; readonly made: Made } | null = null;

function made(seed: number, block: number): Made {
  const key = `${seed} ${block}`;
  if (last?.key === key) return last.made;
  const [one] = fc.sample(arbitraryCase(), { seed: new Random(seed, block).int(2 ** 31), numRuns: 1 });
  const { plan, value } = one!;
  const { schema } = plan.root;
  const made = {
    one: one!,
    sound: avscTypes(plan).writer.toBuffer(value),
    transcoder: compileTranscoder(plan, keys),
    person: plan.personPath === null ? null : new PersonFinder(schema, plan.personPath),
    leaves: new LeafFinder(schema, [...new Set(leavesOf(schema).map(({ path }) => path))]),
  };
  last = { key, made };
  return made;
}

export const TRANSCODER: FuzzTarget = {
  name: 'transcoder',
  share: 940,
  expects: ['masked', 'ERR_DECODE_TRUNCATED', 'ERR_DECODE_VALUE', 'ERR_DECODE_TRAILING'],
  prepare(seed, index) {
    made(seed, Math.floor(index / CASES_PER_PLAN));
  },
  run(seed, index) {
    const { one, sound, transcoder, person, leaves } = made(seed, Math.floor(index / CASES_PER_PLAN));
    const random = new Random(seed, index, 1);
    const bytes = changedBytes(random, sound);
    // What follows belongs to another record: nothing may come of it.
    const [first, second] = [0x00, 0xff].map((byte) => {
      const input = Buffer.concat([bytes, Buffer.alloc(16, byte)]);
      const end = transcoder.mask(input, 0, bytes.length, OUT, 0, one.recordTimeMs, NOWHERE);
      return end < 0 ? faultCode(end) : OUT.toString('latin1', 0, end);
    }) as [string, string];
    if (first !== second) throw new Error('bytes behind the record changed what came out');
    const found = [person?.find(bytes, 0, bytes.length) ?? 0, leaves.find(bytes, 0, bytes.length)];
    for (const fault of found) if (fault < 0) faultCode(fault);
    if (first.startsWith('ERR_')) return first;
    if (found.some((fault) => fault < 0)) throw new Error('a record that was masked was refused by a finder');
    // Throws for what is no record of the derived schema.
    if (random.chance(8)) avscTypes(one.plan).derived.fromBuffer(Buffer.from(first, 'latin1'));
    return 'masked';
  },
};
