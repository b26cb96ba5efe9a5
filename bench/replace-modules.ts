/**
 * Puts modules of bench/ in the place of product ones in the process that loads this. The product has no way to it.
 */
import { registerHooks } from 'node:module';

const HERE = new URL('.', import.meta.url).href;

/** By the end of a module's URL: the file of bench/ that everybody but bench/ itself gets in its place. */
export function replaceModules(replaced: Readonly<Record<string, string>>): void {
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      const replacement = Object.entries(replaced).find(([end]) => found.url.endsWith(end))?.[1];
      if (replacement === undefined || context.parentURL?.startsWith(HERE)) return found;
      return { ...found, url: new URL(replacement, import.meta.url).href };
    },
  });
}
