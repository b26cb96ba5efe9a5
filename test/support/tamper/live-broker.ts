/**
 * The disk of a broker in an attacker's hands: its data directory kept as it was, put back for each case, and the
 * segment files of the audit topics written anew while the broker is down. Only a broker of one's own is touched.
 */
import { cp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Stack } from '../../../stack/local-stack.ts';
import type { MemoryAudit, MemoryPartition } from '../memory-audit-source.ts';
import { rewritten } from './live-segment.ts';

const SEGMENT = '00000000000000000000.log';

export class LiveBroker {
  readonly stack: Stack;
  private isDown = false;

  constructor(stack: Stack) {
    this.stack = stack;
  }

  private get data(): string {
    return join(this.stack.directory, 'data', 'kafka-0');
  }

  private get kept(): string {
    return join(this.stack.directory, 'data-kept');
  }

  /** Stops the broker and keeps its disk as it is. */
  async keep(): Promise<void> {
    await this.stop();
    await cp(this.data, this.kept, { recursive: true });
  }

  /** The disk as it was kept; the broker is down. */
  async restore(): Promise<void> {
    await this.stop();
    await rm(this.data, { recursive: true });
    await cp(this.kept, this.data, { recursive: true });
  }

  async start(): Promise<void> {
    await this.stack.startBroker();
    this.isDown = false;
  }

  private async stop(): Promise<void> {
    if (!this.isDown) await this.stack.stopBroker();
    this.isDown = true;
  }

  /** Writes what differs between two states of the audit topics to the disk; says how many partitions. */
  async write(before: MemoryAudit, after: MemoryAudit): Promise<number> {
    let count = 0;
    for (const place of after.partitions) {
      const was = before.partitions.find(
        ({ topic, partition }) => topic === place.topic && partition === place.partition,
      )!;
      if (samePlace(was, place)) continue;
      await this.edit(place, (file) => rewritten(file, place.records, place.endOffset));
      count += 1;
    }
    return count;
  }

  /** Changes the bytes of a partition's only segment; the broker works out all else again, as after a crash. */
  async edit(
    { topic, partition }: { readonly topic: string; readonly partition: number },
    change: (file: Buffer) => Buffer,
  ): Promise<void> {
    const directory = join(this.data, `${topic}-${partition}`);
    const names = await readdir(directory);
    if (names.filter((name) => name.endsWith('.log')).length !== 1)
      throw new Error('more than one segment: this site is larger than cases are made for');
    const file = join(directory, SEGMENT);
    await writeFile(file, change(await readFile(file)));
    for (const name of names)
      if (/\.(index|timeindex|txnindex|snapshot)$/.test(name)) await rm(join(directory, name));
    await rm(join(this.data, '.kafka_cleanshutdown'), { force: true });
  }
}

function samePlace(a: MemoryPartition, b: MemoryPartition): boolean {
  return (
    a.endOffset === b.endOffset &&
    a.records.length === b.records.length &&
    a.records.every((record, at) => {
      const other = b.records[at]!;
      return record.offset === other.offset && record.value?.equals(other.value!) === true;
    })
  );
}
