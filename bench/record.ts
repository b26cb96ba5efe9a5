/**
 * What was measured, as it is kept: one JSON file for each benchmark and one for the run. The page of figures is written
 * from these files alone (page.ts).
 */
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { nowMs } from '../platform/clock.ts';
import { KAFKA_VERSION } from '../stack/broker-settings.ts';
import { findJavas } from '../stack/prerequisites.ts';
import type { BenchTable } from './table.ts';

/** One benchmark of one run. */
export interface Recorded {
  readonly name: string;
  /** Day of the run, ISO. */
  readonly date: string;
  readonly command: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly table: BenchTable;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  readonly kafka: string;
  /** Feature release of the newest JDK, which runs broker and rival. */
  readonly java: number;
}

function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown CPU',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    kafka: KAFKA_VERSION,
    java: findJavas()[0]?.version ?? 0,
  };
}

/** Writes `<folder>/<name>.json`. */
export async function record(
  folder: string,
  { name, seconds, table }: Pick<Recorded, 'name' | 'seconds' | 'table'>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const recorded: Recorded = {
    name,
    date: new Date(nowMs()).toISOString().slice(0, 10),
    command: `npm run bench -- --only=${name}`,
    seconds: Math.round(seconds),
    machine: machine(),
    table,
  };
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(recorded, null, 2)}\n`);
}

/** All that a folder holds, by name. */
export async function readRecorded(folder: string): Promise<ReadonlyMap<string, Recorded>> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json')).sort();
  const all = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(folder, file), 'utf8')) as Recorded),
  );
  return new Map(all.map((recorded) => [recorded.name, recorded]));
}
