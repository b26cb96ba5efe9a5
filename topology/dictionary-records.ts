/**
 * What the records of a dictionary's topic say of persons: by the tags in force on each schema, as scrub knows the
 * values of a record. A record that cannot be read, or names nobody, says nothing.
 */
import { RecordCursor } from '../kafka/record-cursor.ts';
import { knownLeaf } from '../policy/known-leaves.ts';
import { personField } from '../policy/person-field.ts';
import { readSubjectTags, tagsOfSubject } from '../policy/subject-tags.ts';
import { KnownLeaves } from '../processors/known-leaves.ts';
import { PersonFinder } from '../processors/person-finder.ts';
import type { KnownLeaf } from '../processors/plan.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import { REGISTRY_PREFIX_BYTES } from '../schemas/control-codec.ts';
import { tagsInForce } from '../schemas/tags.ts';
import type { DictionaryContext } from './dictionary-reader.ts';
import type { Span } from './held-span.ts';
import type { DictionaryChange } from './person-dictionary.ts';
import type { TransactionWork } from './transaction-work.ts';
import { walkSpan } from './span-walk.ts';
import type { StopReason } from './span-walk.ts';
import { schemaIdOf } from './value-framing.ts';
import { writerSchema } from './writer-schema.ts';

/** How records of one schema are read. */
interface SchemaReader {
  /** The known leaves as JSON: with other leaves the dictionary says other things. */
  readonly leaves: string;
  readonly known: KnownLeaves;
  readonly person: PersonFinder | null;
}

/** Where the records of a span belong. */
interface Taken {
  readonly partition: number;
  /** The end of the range. */
  readonly next: number;
  readonly work: TransactionWork;
  readonly changes: DictionaryChange[];
}

export class DictionaryRecords {
  private readonly context: DictionaryContext;
  private readonly topic: string;
  private readonly cursor = new RecordCursor();
  private readonly readers = new Map<number, SchemaReader>();
  private generation = -1;

  constructor(context: DictionaryContext, topic: string) {
    this.context = context;
    this.topic = topic;
  }

  /** Do records still say what they said when they were read? False after tags have changed. Throws as plans do. */
  async isCurrent(): Promise<boolean> {
    const { generation } = this.context.plans;
    if (generation === this.generation) return true;
    let isSame = true;
    for (const [schemaId, { leaves }] of this.readers) {
      const reader = await this.readerOf(schemaId);
      isSame &&= reader.leaves === leaves;
      this.readers.set(schemaId, reader);
    }
    this.generation = generation;
    return isSame;
  }

  /** Takes in the records of [position, next); gives the position behind the last one. */
  async take(span: Span, position: number, taken: Taken): Promise<number> {
    for (let at = position; ;) {
      const { position: reached, stop } = walkSpan(this.cursor, span, at, () => this.record(taken));
      if (stop.kind === 'corrupt') throw stop.error;
      if (stop.kind !== 'plan') return Math.max(reached, span.nextOffset);
      this.readers.set(stop.schemaId, await this.readerOf(stop.schemaId));
      at = reached;
    }
  }

  private record({ partition, next, work, changes }: Taken): StopReason | null {
    const { bytes, keyStart, keyEnd, valueStart, valueEnd, offset, timestampMs } = this.cursor;
    if (offset >= next) return { kind: 'end' };
    const schemaId = valueStart < 0 ? -1 : schemaIdOf(this.cursor);
    const reader = this.readers.get(schemaId);
    if (schemaId >= 0 && !reader) return { kind: 'plan', schemaId, offset };
    work.count(timestampMs, Math.max(0, valueEnd - valueStart));
    work.pass();
    // A record without a key is never taken back by another one.
    const key =
      keyStart < 0 ? `${partition}@${offset}` : `${partition}/${bytes.toString('base64', keyStart, keyEnd)}`;
    const start = valueStart + REGISTRY_PREFIX_BYTES;
    const person = reader?.person ? personIn(reader.person, bytes, start, valueEnd) : null;
    const isSound = person !== null && reader!.known.take(bytes, start, valueEnd) === 0;
    changes.push(isSound ? { key, person, values: reader!.known.own() } : { key, person: null, values: [] });
    return null;
  }

  private async readerOf(schemaId: number): Promise<SchemaReader> {
    const { plans, policyLog } = this.context;
    const { registry, siteTags } = plans.sources;
    const { subject, text, schema } = await writerSchema(registry, this.topic, schemaId);
    const tags = tagsOfSubject(await readSubjectTags(registry, siteTags, subject), policyLog.state);
    const leaves = tagsInForce(schema, tags, { site: siteTags, metadata: text.metadata, subject });
    const known = leaves.flatMap(({ path, type, tags: words }) => knownLeaf(path, type, [...words]));
    return { leaves: JSON.stringify(known), known: knownLeavesOf(schema, known), person: finderOf(schema) };
  }
}

function knownLeavesOf(schema: AvroType, leaves: readonly KnownLeaf[]): KnownLeaves {
  return new KnownLeaves(schema, leaves);
}

function finderOf(schema: AvroType): PersonFinder | null {
  const { path } = personField(schema);
  return path && new PersonFinder(schema, path);
}

function personIn(finder: PersonFinder, bytes: Buffer, start: number, end: number): string | null {
  if (finder.find(bytes, start, end) < 0 || finder.start === finder.end) return null;
  return Buffer.from(finder.text.subarray(finder.start, finder.end)).toString('utf8');
}
