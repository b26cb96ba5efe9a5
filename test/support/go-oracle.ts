/**
 * What Go's golang.org/x/mod/sumdb makes of our notes and proofs: an implementation that shares nothing with ours.
 * Needs `go`, and its module proxy the first time; tests say so where it is missing.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const FOLDER = path.join(import.meta.dirname, 'go');

/** Everything as Go's JSON has it: hashes and bytes in base64. */
export interface GoCases {
  readonly Notes: readonly string[];
  readonly Vkeys: readonly string[];
  readonly Text: string;
  readonly Skey: string;
  readonly Leaves: readonly string[];
  readonly Records: readonly {
    readonly Proof: readonly string[];
    readonly Size: number;
    readonly Root: string;
    readonly Index: number;
    readonly Leaf: string;
  }[];
  readonly Trees: readonly {
    readonly Proof: readonly string[];
    readonly Size: number;
    readonly Root: string;
    readonly OldSize: number;
    readonly OldRoot: string;
  }[];
}

export interface GoAnswers {
  /** Texts; empty where Go refuses the note. */
  readonly Notes: readonly string[];
  /** The text, signed by Go. */
  readonly Signed: string;
  readonly Records: readonly boolean[];
  readonly Trees: readonly boolean[];
  readonly Root: string;
}

/** Why Go cannot be asked here; null where it can. */
export function goMissing(): string | null {
  const download = spawnSync('go', ['mod', 'download'], { cwd: FOLDER, timeout: 60_000 });
  if (download.error) return 'go is not installed';
  return download.status === 0 ? null : 'the Go module proxy is out of reach';
}

export function askGo(cases: GoCases): GoAnswers {
  const run = spawnSync('go', ['run', '.'], {
    cwd: FOLDER,
    input: JSON.stringify(cases),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (run.status !== 0) throw new Error(`go run ended with ${run.status}: ${run.stderr}`);
  return JSON.parse(run.stdout) as GoAnswers;
}

/** What Go believes of one log of tlog-tiles. */
export interface GoTiledLog {
  readonly Origin: string;
  readonly Size: number;
  /** Base64, as are the entries. */
  readonly Root: string;
  readonly Entries: readonly string[] | null;
  /** Why it does not believe it; empty where it does. */
  readonly Problem: string;
}

/** Has Go read all logs of an export of tlog-tiles; `signed` is the folder of the log that `vkey` signs. */
export function askGoAboutTiles(
  vkey: string,
  directory: string,
  signed: string,
): Readonly<Record<string, GoTiledLog>> {
  const run = spawnSync('go', ['run', './tiles', vkey, directory, signed], {
    cwd: FOLDER,
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (run.status !== 0) throw new Error(`go run ended with ${run.status}: ${run.stderr}`);
  return JSON.parse(run.stdout) as Record<string, GoTiledLog>;
}
