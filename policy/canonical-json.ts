/**
 * The canonical form of data: JSON without blanks, keys of every object in the order of their UTF-16 code units
 * (as RFC 8785 orders them). Equal data has equal text, so hashes over it can be compared years later.
 * It must never leave anything out: what JSON cannot say is an error.
 */
import { GauzeError } from '../platform/errors.ts';

/** The canonical text of `value`. Properties that are `undefined` count as absent. @throws ERR_INTERNAL */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    const texts = entries
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`);
    return `{${texts.join(',')}}`;
  }
  const isPlain = value === null || typeof value === 'string' || typeof value === 'boolean';
  if (isPlain || (typeof value === 'number' && Number.isFinite(value))) return JSON.stringify(value);
  throw new GauzeError('ERR_INTERNAL', { causeName: 'NoCanonicalForm' });
}
