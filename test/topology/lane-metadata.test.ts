import { describe, expect, test } from '@jest/globals';
import { decodeLaneMetadata, encodeLaneMetadata } from '../../topology/lane-metadata.ts';
import type { LaneMetadata } from '../../topology/lane-metadata.ts';

const METADATA: LaneMetadata = {
  chain: { chainId: '01'.repeat(16), seq: 41, head: '02'.repeat(32) },
  auditPartition: 3,
  auditOffset: 17,
  rawTopicId: '03'.repeat(16),
  targetTopicId: '04'.repeat(16),
  policyLogOffset: 12,
  policyVersion: 5,
  committedAtMs: 1_750_000_000_000,
  held: null,
};
const HELD: LaneMetadata = {
  ...METADATA,
  held: { code: 'ERR_SCHEMA_UNKNOWN', sinceMs: 1_750_000_000_001, path: 'a.b', schemaId: 9 },
};
/** The broker's default of offset.metadata.max.bytes. */
const BYTES_MAX = 4_096;

describe('lane metadata', () => {
  test('comes back as it was written, held or not', () => {
    for (const metadata of [
      METADATA,
      HELD,
      { ...HELD, held: { ...HELD.held!, path: null, schemaId: null } },
    ]) {
      expect(decodeLaneMetadata(encodeLaneMetadata(metadata))).toEqual(metadata);
    }
  });

  test('stays within what a broker takes, with the largest numbers and the longest path in any script', () => {
    const largest = Number.MAX_SAFE_INTEGER;
    for (const letter of ['a', '語', '\u0001', '"', '\ud800']) {
      const text = encodeLaneMetadata({
        ...METADATA,
        chain: { ...METADATA.chain, seq: largest },
        auditPartition: largest,
        auditOffset: largest,
        policyLogOffset: largest,
        policyVersion: largest,
        committedAtMs: largest,
        held: {
          code: 'ERR_SCHEMA_DERIVED_INCOMPATIBLE',
          sinceMs: largest,
          path: letter.repeat(100_000),
          schemaId: largest,
        },
      });
      expect(Buffer.byteLength(text)).toBeLessThan(BYTES_MAX);
      expect(decodeLaneMetadata(text)?.held?.code).toBe('ERR_SCHEMA_DERIVED_INCOMPATIBLE');
    }
  });

  test('is null for whatever a lane has not written', () => {
    const text = encodeLaneMetadata(METADATA);
    const without = (name: string): string => JSON.stringify({ ...JSON.parse(text), [name]: undefined });
    const foreign = [null, '', 'consumer-host-1', 'null', '7', '[]', '{}', '{"v":1}', text.slice(0, -1)];
    const missing = Object.keys(JSON.parse(text) as object).map(without);
    const wrong = [
      text.replace('"v":1', '"v":2'),
      text.replace('"seq":41', '"seq":41.5'),
      text.replace('"seq":41', '"seq":"41"'),
      text.replace('01'.repeat(16), '01'.repeat(15)),
      text.replace('01'.repeat(16), '0G'.repeat(16)),
      text.replace('02'.repeat(32), '02'.repeat(16)),
    ];
    for (const each of [...foreign, ...missing, ...wrong]) expect(decodeLaneMetadata(each)).toBeNull();
  });

  test('takes a hold with a code that is no code of gauze for none', () => {
    for (const code of ['ERR_NO_SUCH', 'toString', '__proto__', '']) {
      const text = encodeLaneMetadata(HELD).replace('ERR_SCHEMA_UNKNOWN', code);
      expect(decodeLaneMetadata(text)).toEqual(METADATA);
    }
  });
});
