/**
 * What gauze.withheld says of each lane, entry by entry in the order of the log: what was withheld and why, what a
 * redrive has published of it, and where the lane began anew, which makes entries at and after that offset void. Reads
 * entries by the schema alone: no code of the writer.
 */
import { withheldCodec } from '../../schemas/control-codecs.ts';
import type { Findings } from './finding.ts';
import type { LogSource } from './log-source.ts';

/** What was said of one record between two times that its lane began anew before it. */
export interface WithheldLife {
  /** Each time that it was withheld, by the lane first; a redrive that finds another reason says so. */
  readonly codes: string[];
  /** Each time that a redrive has published it. */
  published: number;
}

export class WithheldLane {
  /** Where the lane has begun anew, in order. */
  readonly begunAnew: number[] = [];
  /** By raw offset, then by how often the lane had begun anew at or before it. */
  readonly lives = new Map<number, Map<number, WithheldLife>>();

  /** How often a record had been made new by the first `count` times that the lane began anew. */
  eraOf(offset: number, count: number = this.begunAnew.length): number {
    let era = 0;
    for (let i = 0; i < count; i += 1) if (this.begunAnew[i]! <= offset) era += 1;
    return era;
  }

  /** The life as of now. */
  now(offset: number): WithheldLife {
    const lives = this.lives.get(offset) ?? new Map<number, WithheldLife>();
    this.lives.set(offset, lives);
    const era = this.eraOf(offset);
    const life = lives.get(era) ?? { codes: [], published: 0 };
    lives.set(era, life);
    return life;
  }

  /** The eras in which a redrive has published the record, in order. */
  publishedIn(offset: number): readonly number[] {
    const lives = [...(this.lives.get(offset) ?? [])];
    return lives.flatMap(([era, { published }]) => Array.from({ length: published }, () => era));
  }
}

/** By `withheldName`. Finds what contradicts itself: published twice, published and never withheld, said twice. */
export function withheldLanes(
  logs: LogSource,
  topic: string,
  findings: Findings,
): ReadonlyMap<string, WithheldLane> {
  const lanes = new Map<string, WithheldLane>();
  for (const at of logs.partitions(topic))
    for (const record of logs.committed(at)) {
      const entry = withheldCodec.decode(record.value!);
      const { audience, partition, offset, code, outcome = 'WITHHELD' } = entry;
      const name = withheldName(audience, { ...entry, topicId: entry.topic_id });
      const lane = lanes.get(name) ?? new WithheldLane();
      lanes.set(name, lane);
      if (outcome === 'BEGUN_ANEW') {
        lane.begunAnew.push(offset);
        continue;
      }
      const life = lane.now(offset);
      const place = { audience, topic: entry.topic, partition, offset, detail: code };
      if (outcome === 'PUBLISHED') {
        if (life.codes.length === 0 || life.published > 0) findings.add('REDRIVEN_NOT_WITHHELD', place);
        life.published += 1;
        continue;
      }
      // Twice for one reason, or after it was published: nobody says either.
      if (life.codes.at(-1) === code || life.published > 0) findings.add('WITHHELD_TWICE', place);
      life.codes.push(code);
    }
  return lanes;
}

export function withheldName(
  audience: string,
  at: { readonly topic: string; readonly topicId: string; readonly partition: number },
): string {
  return `${audience} ${at.topic} ${at.topicId} ${at.partition}`;
}
