/**
 * In what way a published record is another one than the plan makes: which part, which field, and whether it is as it
 * was. Tells paths, never what stands there.
 */
import type { Type } from 'avsc';
import type { Findings, FindingPlace } from './finding.ts';
import type { AuditedRange } from './lane-account.ts';
import type { LogRecord } from './log-source.ts';
import type { ExpectedRecord, ReferencePlan } from './reference.ts';
import { isSameBytes, isSameHeaders } from './sequence.ts';

export interface Difference {
  readonly findings: Findings;
  readonly raw: LogRecord;
  readonly record: ExpectedRecord;
  readonly plan: ReferencePlan | null;
  readonly range: AuditedRange;
}

/** Of a record that stands where another one should: each part that differs is a finding. */
export function explainDifference(difference: Difference): (found: LogRecord, place: FindingPlace) => void {
  return (found, place) => {
    const { findings, raw, record } = difference;
    if (!isSameBytes(record.key, found.key))
      findings.add(found.key && isSameBytes(raw.key, found.key) ? 'KEY_RAW' : 'KEY_DIFFERS', place);
    if (!isSameHeaders(record.headers, found.headers)) {
      const allowed = new Set(record.headers.map(([name]) => name));
      const isLeak = found.headers.some(([name]) => !allowed.has(name));
      findings.add(isLeak ? 'HEADER_LEAKED' : 'HEADERS_DIFFER', place);
    }
    if (record.value !== 'any' && !isSameBytes(record.value, found.value))
      values({ ...difference, record: { ...record, value: record.value } }, found, place);
  };
}

function values(
  {
    findings,
    raw,
    record,
    plan,
  }: Difference & { readonly record: { readonly value: Buffer | 'any' | null } },
  found: LogRecord,
  place: FindingPlace,
): void {
  const want = record.value;
  if (found.value && isSameBytes(raw.value, found.value))
    return findings.add('VALUE_RAW', { ...place, part: '$' });
  if (!plan || !found.value || want === null || want === 'any')
    return findings.add('VALUE_DIFFERS', { ...place, part: '$' });
  if (!found.value.subarray(0, 5).equals(want.subarray(0, 5)))
    return findings.add('SCHEMA_OTHER', { ...place, part: '$' });
  const [before, wanted, have] = [
    decoded(plan.types.writer, raw.value),
    decoded(plan.types.derived, want),
    decoded(plan.types.derived, found.value),
  ];
  const paths = have === undefined ? [] : [...differing(wanted, have, '')];
  if (paths.length === 0) return findings.add('VALUE_DIFFERS', { ...place, part: '$' });
  for (const path of paths) {
    const isRaw = same(valueAt(before, path), valueAt(have, path));
    findings.add(isRaw ? 'VALUE_RAW' : 'VALUE_DIFFERS', { ...place, part: path });
  }
}

function decoded(type: Type, value: Buffer | null): unknown {
  try {
    return type.fromBuffer(value!.subarray(5)) as unknown;
  } catch {
    return undefined;
  }
}

/** Paths at which two decoded values differ; of union branches only the value counts. */
function* differing(one: unknown, other: unknown, path: string): Generator<string> {
  const [a, b] = [unwrapped(one), unwrapped(other)];
  if (!isObject(a) || !isObject(b)) {
    if (!same(a, b)) yield path === '' ? '$' : path;
    return;
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
    yield* differing(a[key], b[key], path === '' ? key : `${path}.${key}`);
}

function valueAt(value: unknown, path: string): unknown {
  let at = unwrapped(value);
  for (const key of path === '$' ? [] : path.split('.')) at = isObject(at) ? unwrapped(at[key]) : undefined;
  return at;
}

/** Avsc wraps a union's value in an object with the name of its branch. */
function unwrapped(value: unknown): unknown {
  if (!isObject(value) || Array.isArray(value) || value.constructor.name !== 'Object') return value;
  const keys = Object.keys(value);
  return keys.length === 1 && /^[a-z]+$|\./.test(keys[0]!) ? value[keys[0]!] : value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Buffer.isBuffer(value);
}

function same(one: unknown, other: unknown): boolean {
  if (Buffer.isBuffer(one) && Buffer.isBuffer(other)) return one.equals(other);
  if (isObject(one) && isObject(other)) return [...differing(one, other, '')].length === 0;
  return Object.is(one, other);
}
