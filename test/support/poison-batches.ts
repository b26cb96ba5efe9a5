/**
 * Raw batches that go wrong, and what masks them without a broker: schema versions that each have a plan of their own.
 */
import avsc from 'avsc';
import { RecordBatchWriter } from '../../kafka/record-batch-writer.ts';
import { compileTranscoder } from '../../processors/transcoder.ts';
import type { CompiledPlan } from '../../topology/plan-store.ts';
import { SpanMasker } from '../../topology/span-masker.ts';
import type { Span } from '../../topology/held-span.ts';
import { planFor } from './plan-builder.ts';
import { rawBatch } from './raw-batch.ts';
import { recordSetOf, recordsOf } from './read-records.ts';
import { testKeys } from './test-keys.ts';

const keys = testKeys();
const NO_KEYS = {
  maskKey: null,
  olderKeys: [],
  compacted: false,
  shiftsTimes: false,
  headers: new Set<string>(),
};
export const DERIVED = 1_000;
/** As the product's transactions. */
export const RECORDS_PER_TRANSACTION = 50_000;

/** Version `id` has so many more fields: each has a plan and a derived schema of its own. */
function schemaOf(id: number) {
  const more = Array.from({ length: id }, (_, i) => ({ name: `f${i}`, type: 'int' }));
  return {
    type: 'record',
    name: 'Visit',
    namespace: 'clinical',
    fields: [{ name: 'mrn', type: 'string' }, ...more, { name: 'zip', type: 'string' }],
  };
}

/** The plan of version `id`, compiled. */
export function compiled(id: number): CompiledPlan {
  const plan = planFor(schemaOf(id), { mrn: { method: 'drop' } }, { schemaId: id });
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(DERIVED + id, 1);
  return { plan, transcoder: compileTranscoder(plan, keys), prefix, fieldsClear: [], dataClasses: [] };
}

const types = new Map<number, avsc.Type>();
/** A value of version `id`. */
export function encoded(id: number, zip: string): Buffer {
  const type = types.get(id) ?? avsc.Type.forSchema(schemaOf(id) as avsc.Schema);
  types.set(id, type);
  const more = Object.fromEntries(Array.from({ length: id }, (_, i) => [`f${i}`, i]));
  const value = Buffer.concat([Buffer.alloc(5), type.toBuffer({ mrn: 'MRN-1', zip, ...more })]);
  value.writeInt32BE(id, 1);
  return value;
}

/** As a fetch would bring the values. */
export function spanOf(values: readonly Buffer[], baseOffset = 0): Span {
  const bytes = rawBatch({ baseOffset, records: values.map((value) => ({ key: null, value })) });
  const { batches, nextOffset } = recordSetOf(bytes, { fetchOffset: baseOffset });
  return { firstOffset: baseOffset, nextOffset, batches, bytes: bytes.length };
}

/** What masks by these plans, and where it writes to. */
export function maskerOf(plans: ReadonlyMap<number, CompiledPlan>) {
  const writer = new RecordBatchWriter({ batchBytesMax: 4_000_000 });
  const masker = new SpanMasker({
    writer,
    rules: NO_KEYS,
    source: { topicId: 'a'.repeat(32), partition: 0 },
    plans,
    ordered: new Set(),
    outputBytesMax: 4_000_000,
    recordsMax: RECORDS_PER_TRANSACTION,
    recordBytesMax: 900_000,
  });
  return { writer, masker };
}

/** Registry ids of the derived schemas of what would be published, in order. */
export function publishedIds(writer: RecordBatchWriter): number[] {
  const bytes = Buffer.concat(writer.finish().map((batch) => Buffer.from(writer.stamp(batch, 1n, 0, 0))));
  return recordsOf(recordSetOf(bytes).batches).map(({ value }) => Buffer.from(value!, 'hex').readInt32BE(1));
}
