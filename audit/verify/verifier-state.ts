/**
 * What one verification hands to the next, and the file it stands in: positions, hashes, public keys and findings.
 * It is bound to one log and one root key, and is replaced whole or not at all.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { GauzeError } from '../../platform/errors.ts';
import type { ChainsJson } from './chain-check.ts';
import type { FindingsJson } from './finding.ts';
import type { LeasesJson } from './lease-check.ts';
import type { NotesJson } from './note-check.ts';
import type { PruningJson } from './pruning-check.ts';
import type { SealsJson } from './seal-check.ts';
import type { SeeksJson } from './seek-check.ts';
import type { SubjectsJson } from './subject-check.ts';
import type { TilingJson } from './tiling-check.ts';
import type { TreeJson } from './tree-check.ts';

const FORMAT = 'gauze-audit-state/1';

export interface VerifierState {
  readonly format: typeof FORMAT;
  /** Empty without a trust file. */
  readonly origin: string;
  readonly rootVkey: string;
  readonly clusterId: string;
  /** All of the log of seals below this offset has been checked. */
  readonly sealsNextOffset: number;
  readonly sealsTopicId: string;
  /** Events that were checked, in all runs. */
  readonly events: number;
  readonly seals: SealsJson;
  readonly notes: NotesJson;
  /** By topic and partition. */
  readonly trees: readonly (readonly [string, TreeJson])[];
  readonly chains: ChainsJson;
  readonly tiling: TilingJson;
  readonly subjects: SubjectsJson;
  readonly pruning: PruningJson;
  /** Absent from states of before these were checked. */
  readonly seeks?: SeeksJson;
  readonly leases?: LeasesJson;
  readonly findings: FindingsJson;
}

/** What a state is bound to. */
export type StateBinding = Pick<VerifierState, 'origin' | 'rootVkey' | 'clusterId'>;

export const STATE_FORMAT: VerifierState['format'] = FORMAT;

/** Enough to know that it is ours; the rest was written by the same code in one piece. */
const stateSchema = z.looseObject({
  format: z.literal(FORMAT),
  origin: z.string(),
  rootVkey: z.string(),
  clusterId: z.string(),
  sealsNextOffset: z.number().int().min(0),
  trees: z.array(z.unknown()),
  findings: z.looseObject({ kept: z.array(z.unknown()) }),
});

/** null where there is no such file yet. Throws ERR_AUDIT_STATE_FILE where it is of another log, or no state. */
export async function readState(file: string, binding: StateBinding): Promise<VerifierState | null> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new GauzeError('ERR_AUDIT_STATE_FILE', { file, expected: 'the right to read it' });
  });
  if (text === null) return null;
  const parsed = stateSchema.safeParse(jsonOf(text));
  if (!parsed.success) throw new GauzeError('ERR_AUDIT_STATE_FILE', { file, expected: 'the format' });
  for (const name of ['origin', 'rootVkey', 'clusterId'] as const) {
    if (parsed.data[name] !== binding[name])
      throw new GauzeError('ERR_AUDIT_STATE_FILE', { file, expected: name });
  }
  return JSON.parse(text) as VerifierState;
}

/** Throws ERR_AUDIT_STATE_FILE. */
export async function writeState(file: string, state: VerifierState): Promise<void> {
  try {
    await writeFile(`${file}.new`, `${JSON.stringify(state)}\n`, { mode: 0o600, flush: true });
    await rename(`${file}.new`, file);
  } catch {
    throw new GauzeError('ERR_AUDIT_STATE_FILE', { file, expected: 'the right to write it' });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
