/**
 * Loaded before `gauze run` in one half of a paired benchmark: puts null writers in the place of the audit, or only of
 * the hash over outputs (`?audit=no-hash`). Product code has no such switch.
 */
import { registerHooks } from 'node:module';

const OUTPUT_HASH = { '/audit/output-hash.ts': 'null-output-hash.ts' };
const REPLACED: Readonly<Record<string, string>> =
  new URL(import.meta.url).searchParams.get('audit') === 'no-hash'
    ? OUTPUT_HASH
    : {
        ...OUTPUT_HASH,
        '/topology/lane-ledger.ts': 'null-lane-ledger.ts',
        '/topology/batch-event.ts': 'null-batch-event.ts',
      };

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const replacement = Object.entries(REPLACED).find(([end]) => found.url.endsWith(end))?.[1];
    if (replacement === undefined || context.parentURL?.includes('/bench/')) return found;
    return { ...found, url: new URL(replacement, import.meta.url).href };
  },
});
