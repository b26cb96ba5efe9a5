/**
 * The audit event of one transaction's reads, out of what the walk has counted.
 */
import { createHash } from 'node:crypto';
import type { EventBody } from '../audit/audit-chain.ts';
import { sessionBatch } from '../audit/lane-events.ts';
import type { LaneIdentity, PolicyInForce } from '../audit/lane-events.ts';
import { nowMs } from '../platform/clock.ts';
import type { TransactionWork } from './transaction-work.ts';

/** What was read in [firstOffset, nextOffset), under which plans, and how much of it was delivered. */
export function batchEvent(
  identity: LaneIdentity,
  policy: PolicyInForce,
  work: TransactionWork,
  firstOffset: number,
  nextOffset: number,
): EventBody {
  const used = [...work.plans].sort(([a], [b]) => a - b);
  const plans = used.map(([schemaId, { plan }]) => ({ schemaId, hash: plan.hash }));
  const now = nowMs();
  return sessionBatch(identity, policy, now, {
    firstOffset,
    nextOffset,
    recordCount: work.recordCount,
    deliveredCount: work.deliveredCount,
    delivered: work.deliveredBitmap(),
    bytes: work.bytes,
    fromMs: work.recordCount > 0 ? work.fromMs : now,
    toMs: work.recordCount > 0 ? work.toMs : now,
    plans,
    planHash: combinedHash(plans.map(({ hash }) => hash)),
    fieldsClear: distinct(used.flatMap(([, { fieldsClear }]) => fieldsClear)),
    dataClasses: distinct(used.flatMap(([, { dataClasses }]) => dataClasses)),
  });
}

/** Hash for all plans of one transaction: of the one plan, or SHA-256 over all hashes in order of schema id. */
function combinedHash(hashes: readonly string[]): string {
  const [only] = hashes;
  if (hashes.length === 1 && only) return only;
  const hash = createHash('sha256');
  for (const each of hashes) hash.update(Buffer.from(each, 'hex'));
  return hash.digest('hex');
}

function distinct(words: readonly string[]): readonly string[] {
  return [...new Set(words)].sort();
}
