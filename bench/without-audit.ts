/**
 * Loaded before `gauze run` in one half of a paired benchmark: puts null writers in the place of the audit. Product
 * code has no such switch.
 */
import { registerHooks } from 'node:module';

const REPLACED: Readonly<Record<string, string>> = {
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
