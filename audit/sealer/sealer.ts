/**
 * Seals the audit topics. Any number of processes may stand by; whoever holds the topic of seals in the sealers' group
 * works, under one fenced transactional id, so that no two ever write a seal of the same number.
 */
import { SoleWorker } from '../../kafka/sole-worker.ts';
import { SealingSession } from './sealing-session.ts';
import type { SealerOptions } from './sealing-session.ts';

/** A sealer that is gone is replaced after this time: soon enough that its last seal has not gone stale. */
const SESSION_TIMEOUT_MS = 10_000;

/** The sealer; it fails for good where nothing may be sealed any more before somebody has looked. */
export function createSealer(options: SealerOptions): SoleWorker {
  const { cluster, names, onTrouble } = options;
  return new SoleWorker({
    cluster,
    group: names.sealerGroup,
    topic: names.auditSeals,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    openSession: () => new SealingSession(options),
    isFatal: ({ kind, code }) => kind === 'stop' && /^ERR_(SEAL|AUDIT)_/.test(code),
    onTrouble,
  });
}
