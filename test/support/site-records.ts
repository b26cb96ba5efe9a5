/**
 * What a caught-up site holds, decoded: every raw record beside what each audience got of it. Records are told by
 * their feed sequence, which all audiences keep.
 */
import type { ClinicalTopic } from '../../examples/hospital/clinical-values.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { AvroValues } from './avro-values.ts';
import type { Scalar } from './avro-values.ts';
import { testStack } from './stack.ts';
import { AUDIENCES } from './test-site.ts';
import type { Audience, TestSite } from './test-site.ts';
import { dumpTopics } from './topic-dump.ts';
import type { DumpedRecord } from './topic-dump.ts';

export type View = 'raw' | Audience;

export interface ViewedRecord {
  readonly topic: ClinicalTopic;
  readonly sequence: number;
  readonly key: string | null;
  readonly scalars: readonly Scalar[];
}

export class SiteRecords {
  readonly #dump: ReadonlyMap<string, readonly DumpedRecord[]>;
  readonly #codecs: ReadonlyMap<number, AvroValues>;
  readonly #site: TestSite;
  readonly #decoded = new Map<string, readonly ViewedRecord[]>();

  private constructor(
    site: TestSite,
    dump: ReadonlyMap<string, readonly DumpedRecord[]>,
    codecs: ReadonlyMap<number, AvroValues>,
  ) {
    this.#site = site;
    this.#dump = dump;
    this.#codecs = codecs;
  }

  /** Reads all topics in one go. */
  static async read(site: TestSite): Promise<SiteRecords> {
    const names = site.topics.flatMap((topic) => [
      site.raw(topic),
      ...AUDIENCES.map((audience) => site.sanitized(topic, audience)),
    ]);
    const dump = await dumpTopics(names);
    const registry = new RegistryClient({ url: testStack().registryUrl });
    const codecs = new Map<number, AvroValues>();
    for (const id of new Set(dump.map(({ value }) => value!.readInt32BE(1)))) {
      codecs.set(id, new AvroValues((await registry.schemaText(id)).text));
    }
    return new SiteRecords(
      site,
      Map.groupBy(dump, ({ topic }) => topic),
      codecs,
    );
  }

  /** How many records there are in a view. */
  count(view: View): number {
    return this.#topicsOf(view).reduce((sum, [, name]) => sum + (this.#dump.get(name)?.length ?? 0), 0);
  }

  /** All records of a view, topic by topic. */
  of(view: View, only?: ClinicalTopic): readonly ViewedRecord[] {
    return this.#topicsOf(view)
      .filter(([topic]) => only === undefined || topic === only)
      .flatMap(([topic, name]) => this.#records(topic, name));
  }

  #records(topic: ClinicalTopic, name: string): readonly ViewedRecord[] {
    const known = this.#decoded.get(name);
    if (known) return known;
    const records = (this.#dump.get(name) ?? []).map(({ key, value }) => {
      const scalars = this.#codecs.get(value!.readInt32BE(1))!.scalars(value!);
      const sequence = scalars.find(({ path }) => path === 'feedSequence')!.value as number;
      return { topic, sequence, key: key?.toString() ?? null, scalars };
    });
    this.#decoded.set(name, records);
    return records;
  }

  #topicsOf(view: View): readonly (readonly [ClinicalTopic, string])[] {
    return this.#site.topics.map((topic) => [
      topic,
      view === 'raw' ? this.#site.raw(topic) : this.#site.sanitized(topic, view),
    ]);
  }
}

/** The text at a path; null where there is none. */
export function textAt(record: ViewedRecord, path: string): string | null {
  return (record.scalars.find((scalar) => scalar.path === path)?.value as string | undefined) ?? null;
}

const DAY_MS = 86_400_000;

/** All dates and times of a record in order, as milliseconds since 1970-01-01. */
export function timesOf(record: ViewedRecord): readonly { readonly path: string; readonly ms: number }[] {
  return record.scalars.flatMap(({ path, leaf, value }) => {
    if (leaf.logical?.name === 'date') return [{ path, ms: (value as number) * DAY_MS }];
    return leaf.logical?.name === 'timestamp-millis' ? [{ path, ms: value as number }] : [];
  });
}
