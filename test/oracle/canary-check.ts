/**
 * Looks for canaries in all that stands in a topic: as they are, and in hex, base64, as varint, date and hash
 * (needles.ts); in records that were aborted too, since others may read uncommitted. Tells names, never values.
 */
import type { AvroLeaf } from '../../schemas/avro-schema.ts';
import { NeedleSearch, needlesOf } from '../support/needles.ts';
import type { Findings } from './finding.ts';
import type { LogRecord, LogSource } from './log-source.ts';

/** A value that stands in one raw record and nowhere else. */
export interface OracleCanary {
  readonly name: string;
  readonly value: unknown;
  /** How the value is written in Avro. */
  readonly leaf: AvroLeaf;
  /** Names of topics whose plans keep it: there it must be found. */
  readonly allowedIn: readonly string[];
}

/** Walks every record of `topics`. */
export function checkCanaries(
  logs: LogSource,
  canaries: readonly OracleCanary[],
  topics: readonly string[],
  findings: Findings,
): void {
  if (canaries.length === 0) return;
  const search = new NeedleSearch<OracleCanary>();
  for (const canary of canaries)
    for (const { bytes } of needlesOf(canary.value, canary.leaf)) search.add(bytes, canary);
  const seen = new Set<string>();
  for (const topic of topics)
    for (const at of logs.partitions(topic))
      for (const records of [logs.committed(at), logs.others(at)])
        for (const record of records)
          for (const canary of search.find(bytesOf(record))) {
            seen.add(`${canary.name} ${topic}`);
            if (canary.allowedIn.includes(topic)) continue;
            const { partition } = at;
            findings.add('CANARY_SEEN', { topic, partition, offset: record.offset, part: canary.name });
          }
  for (const { name, allowedIn } of canaries)
    for (const topic of allowedIn)
      if (!seen.has(`${name} ${topic}`)) findings.add('CANARY_MISSING', { topic, part: name });
}

/** Keeps the end of one part and the start of the next from making up a value. */
const GAP = Buffer.alloc(8, 0xfe);

function bytesOf({ key, value, headers }: LogRecord): Buffer {
  const parts = [key, value, ...headers.flatMap(([name, content]) => [Buffer.from(name), content])];
  return Buffer.concat(parts.flatMap((part) => (part ? [part, GAP] : [])));
}
