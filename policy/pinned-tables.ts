/**
 * Tables that methods mask by, such as the list of populous ZIP prefixes: a plan names each by its hash, so that
 * another list is another plan, and what was done under the old one can still be told.
 */
import { METHODS } from '../processors/method-table.ts';
import type { Instruction } from '../processors/plan.ts';

/** SHA-256 in hex by method; null where no leaf is masked by a table. */
export function pinnedTables(
  leaves: readonly { readonly instruction: Instruction }[],
): Readonly<Record<string, string>> | null {
  const used = [...new Set(leaves.map(({ instruction }) => instruction.method))].toSorted();
  const tables = used.flatMap((method) => {
    const { tableSha256 } = METHODS[method];
    return tableSha256 === undefined ? [] : [[method, tableSha256] as const];
  });
  return tables.length === 0 ? null : Object.fromEntries(tables);
}
