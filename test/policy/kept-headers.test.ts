/**
 * Promises about kept headers: a name that speaks of an identifier is held to the regime as that identifier, whatever the
 * reason says; other names are the reason's.
 */
import { describe, expect, test } from '@jest/globals';
import { parsePolicy } from '../../policy/policy-file.ts';
import { tagOfHeader } from '../../policy/kept-headers.ts';
import { TOPIC, mistakes, policyText } from '../support/policy-fixture.ts';

const CODES = [
  'traceparent',
  'tracestate',
  'X-B3-TraceId',
  'x-correlation-id',
  'correlationId',
  'requestId',
  'X-Request-ID',
  'message_id',
  'eventId',
  'idempotency-key',
  'Authorization',
];
const IDENTIFIERS = [
  ['x-patient-mrn', 'PHI_MRN'],
  ['patientId', 'PHI_MRN'],
  ['ssn', 'PHI_SSN'],
  ['member-email', 'PHI_EMAIL'],
] as const;
const HARMLESS = ['source-system', 'content-type', 'schema-version', 'feed', 'environment', 'retry-count'];

function withHeader(name: string, regime: string): readonly string[] {
  const headers = { [name]: { keep: true, reason: 'somebody wants it' } };
  const topics = { [TOPIC]: { key: { tag: 'PHI_ID' }, headers } };
  const methods = { PHI_ID: 'drop', PHI_NONE: 'keep' };
  const text = policyText({ regime, topics, methods, description: 'text: a test' });
  return mistakes(() => parsePolicy(text, 'p.yaml')).map(
    ({ code, context }) => `${code} ${context.tag} ${context.paragraph}`,
  );
}

describe('a kept header', () => {
  test.each(CODES)('%s is a code of the record: never under Safe Harbor', (name) => {
    expect(tagOfHeader(name)).toBe('PHI_ID');
    expect(withHeader(name, 'safe-harbor')).toEqual([expect.stringContaining('164.514(b)(2)(i)(R)')]);
    // Other unique codes may stay in a limited data set.
    expect(withHeader(name, 'limited-data-set')).toEqual([]);
  });

  test.each(IDENTIFIERS)('%s is %s', (name, tag) => {
    expect(tagOfHeader(name)).toBe(tag);
    expect(withHeader(name, 'safe-harbor')).toHaveLength(1);
    expect(withHeader(name, 'limited-data-set')).toHaveLength(1);
    expect(withHeader(name, 'tpo')).toEqual([]);
  });

  test.each(HARMLESS)('%s is what its reason says', (name) => {
    expect(tagOfHeader(name)).toBeNull();
    expect(withHeader(name, 'safe-harbor')).toEqual([]);
  });

  test('is refused with what to do instead, at its own line', () => {
    const text = policyText({ regime: 'safe-harbor', methods: { PHI_ID: 'drop' } }).replace(
      '"key":{"tag":"PHI_ID"}',
      '"key":{"tag":"PHI_ID"},"headers":{"traceparent":{"keep":true,"reason":"W3C"}}',
    );
    const [problem] = mistakes(() => parsePolicy(text, 'p.yaml'));
    expect(problem?.context).toMatchObject({ path: 'header traceparent', topic: TOPIC });
    expect(problem?.action).toContain('headers that are not named are dropped');
  });
});
