/**
 * Where the index of the audit topics and what the last verification has seen are kept: the folder of the config, or
 * one below the cache folder. It holds subject tokens, so it is for its owner alone.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { environment } from '../platform/config.ts';
import type { Config } from '../platform/config.ts';

/** The folder; it may not be there yet. */
export function auditFolder({ audit }: Config): string {
  const cache = environment('XDG_CACHE_HOME') ?? join(homedir(), '.cache');
  return audit.folder ?? join(cache, 'gauze', 'audit');
}
