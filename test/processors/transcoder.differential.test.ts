/**
 * The transcoder against avsc: for random schemas, plans and values, its bytes are those of
 * decode, mask on values, encode. And for hostile bytes it stays inside the record and ends.
 */
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { GauzeError } from '../../platform/errors.ts';
import { faultCode } from '../../processors/fault.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import type { Transcoder } from '../../processors/transcoder.ts';
import { avscTypes, maskDecoded } from '../../processors/value-oracle.ts';
import { arbitraryCase } from '../support/arbitrary-plan.ts';
import type { ArbitraryCase } from '../support/arbitrary-plan.ts';
import { NOWHERE } from '../support/plan-builder.ts';
import { testKeys } from '../support/test-keys.ts';

const keys = testKeys();
const out = Buffer.alloc(1 << 20);

/** Masked bytes in hex, or the error code. */
function byOracle({ plan, recordTimeMs }: ArbitraryCase, encoded: Buffer): string {
  const { writer, derived } = avscTypes(plan);
  try {
    const masked = maskDecoded(plan, writer.fromBuffer(encoded), keys, recordTimeMs, NOWHERE);
    return derived.toBuffer(masked).toString('hex');
  } catch (thrown) {
    if (thrown instanceof GauzeError) return thrown.code;
    throw thrown;
  }
}

function byTranscoder(transcoder: Transcoder, encoded: Buffer, recordTimeMs: number): string {
  const end = transcoder.mask(encoded, 0, encoded.length, out, 0, recordTimeMs, NOWHERE);
  return end < 0 ? faultCode(end) : out.toString('hex', 0, end);
}

/** A fault, or bytes that decode under the derived schema. Anything else throws. */
function survive(transcoder: Transcoder, one: ArbitraryCase, record: Buffer): 'fault' | 'masked' {
  // What follows belongs to another record: reading it would change the result between the two calls.
  const following = [0x00, 0xff].map((byte) => Buffer.concat([record, Buffer.alloc(32, byte)]));
  const [first, second] = following.map((input) => {
    const end = transcoder.mask(input, 0, record.length, out, 0, one.recordTimeMs, NOWHERE);
    return end < 0 ? faultCode(end) : out.toString('hex', 0, end);
  }) as [string, string];
  expect(second).toBe(first);
  if (first.startsWith('ERR')) return 'fault';
  avscTypes(one.plan).derived.fromBuffer(Buffer.from(first, 'hex'));
  return 'masked';
}

describe('transcoder and avsc', () => {
  test('give the same bytes, or the same fault, in 3,000 random cases', () => {
    let masked = 0;
    let withheld = 0;
    fc.assert(
      fc.property(arbitraryCase(), (one) => {
        const encoded = avscTypes(one.plan).writer.toBuffer(one.value);
        const expected = byOracle(one, encoded);
        const transcoder = compileTranscoder(one.plan, keys);
        expect(byTranscoder(transcoder, encoded, one.recordTimeMs)).toBe(expected);
        if (expected.startsWith('ERR')) withheld += 1;
        else masked += 1;
      }),
      { numRuns: 3000 },
    );
    // Neither side of the comparison may be empty.
    expect(masked).toBeGreaterThan(1800);
    expect(withheld).toBeGreaterThan(50);
  });

  test('the same record gives the same bytes, with cold and with warm caches and inside a larger buffer', () => {
    fc.assert(
      fc.property(arbitraryCase(), fc.integer({ min: 0, max: 30 }), (one, shift) => {
        const encoded = avscTypes(one.plan).writer.toBuffer(one.value);
        const cold = byTranscoder(compileTranscoder(one.plan, testKeys()), encoded, one.recordTimeMs);
        const transcoder = compileTranscoder(one.plan, keys);
        expect(byTranscoder(transcoder, encoded, one.recordTimeMs)).toBe(cold);
        expect(byTranscoder(transcoder, encoded, one.recordTimeMs)).toBe(cold);
        const larger = Buffer.concat([Buffer.alloc(shift, 0xff), encoded, Buffer.alloc(20, 0x01)]);
        const end = transcoder.mask(
          larger,
          shift,
          shift + encoded.length,
          out,
          shift,
          one.recordTimeMs,
          NOWHERE,
        );
        expect(end < 0 ? faultCode(end) : out.toString('hex', shift, end)).toBe(cold);
      }),
      { numRuns: 300 },
    );
  });

  test('an output that is too small is reported with the needed size, and bytes outside stay untouched', () => {
    fc.assert(
      fc.property(arbitraryCase(), fc.nat(), (one, seed) => {
        const encoded = avscTypes(one.plan).writer.toBuffer(one.value);
        const transcoder = compileTranscoder(one.plan, keys);
        const needed = transcoder.mask(encoded, 0, encoded.length, out, 0, one.recordTimeMs, NOWHERE);
        if (needed <= 0) return;
        const backing = Buffer.alloc(needed + 64, 0xaa);
        const small = backing.subarray(8, 8 + (seed % needed));
        const end = transcoder.mask(encoded, 0, encoded.length, small, 0, one.recordTimeMs, NOWHERE);
        expect(end).toBe(needed);
        expect(end).toBeGreaterThan(small.length);
        expect(backing.subarray(0, 8).every((byte) => byte === 0xaa)).toBe(true);
        expect(backing.subarray(8 + small.length).every((byte) => byte === 0xaa)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('hostile bytes', () => {
  test('every truncation of a record is a fault', () => {
    fc.assert(
      fc.property(arbitraryCase(), (one) => {
        const encoded = avscTypes(one.plan).writer.toBuffer(one.value);
        const transcoder = compileTranscoder(one.plan, keys);
        const step = Math.max(1, Math.floor(encoded.length / 200));
        for (let length = 0; length < encoded.length; length += step) {
          expect(survive(transcoder, one, encoded.subarray(0, length))).toBe('fault');
        }
      }),
      { numRuns: 150 },
    );
  });

  test('a changed, added or lost byte gives a fault or a record of the derived schema, never a throw', () => {
    let faults = 0;
    fc.assert(
      fc.property(
        arbitraryCase(),
        fc.array(fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }), kind: fc.nat(2) }), {
          minLength: 40,
          maxLength: 40,
        }),
        (one, mutations) => {
          const encoded = avscTypes(one.plan).writer.toBuffer(one.value);
          if (encoded.length === 0) return;
          const transcoder = compileTranscoder(one.plan, keys);
          for (const { at, byte, kind } of mutations) {
            const position = at % Math.min(encoded.length, 300);
            const changed = Buffer.concat([
              encoded.subarray(0, position),
              Buffer.from(kind === 2 ? [] : [byte]),
              encoded.subarray(kind === 1 ? position : position + 1),
            ]);
            if (survive(transcoder, one, changed) === 'fault') faults += 1;
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(faults).toBeGreaterThan(1000);
  });
});
