/**
 * Files of merged persons by the hash of what they hold: the file that the config names, as it is now, and older ones
 * beside it. Whoever asks names the hash that a policy pins; another file is never given instead.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { GauzeErrors } from '../platform/errors.ts';
import { parsePersonAliases } from './person-aliases.ts';
import type { PersonAliases } from './person-aliases.ts';

const OTHERS_MAY_DO = 0o077;

export class AliasLists {
  readonly #file: string | null;
  readonly #known = new Map<string, PersonAliases>();

  /** `file`: persons.aliasFile of the config; null where it names none. */
  constructor(file: string | null) {
    this.#file = file;
  }

  /**
   * The list with this hash (hex): of the file, or of the one beside it whose name ends in a dot and the hash. Null
   * where neither is there, has the hash, and is its owner's alone. Files are small, and read once for each hash.
   */
  find(sha256: string): PersonAliases | null {
    const known = this.#known.get(sha256);
    if (known || this.#file === null) return known ?? null;
    for (const file of [this.#file, `${this.#file}.${sha256}`]) {
      const found = read(file, sha256);
      if (!found) continue;
      this.#known.set(sha256, found);
      return found;
    }
    return null;
  }
}

function read(file: string, sha256: string): PersonAliases | null {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch {
    return null;
  }
  try {
    const status = fstatSync(handle);
    if (!status.isFile() || (status.mode & OTHERS_MAY_DO) !== 0) return null;
    const bytes = readFileSync(handle);
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) return null;
    return parsePersonAliases(bytes, file);
  } catch (thrown) {
    if (thrown instanceof GauzeErrors) return null;
    throw thrown;
  } finally {
    closeSync(handle);
  }
}
