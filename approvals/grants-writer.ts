/**
 * Writes the state of grants for the machines that enforce them. One process at a time: whoever holds the access log
 * in the approvals group, under one fenced transactional id; each transaction carries the changed grants, the audit
 * events of what became of each entry, and the position in the access log, together or not at all.
 */
import { SoleWorker } from '../kafka/sole-worker.ts';
import type { Cluster } from '../kafka/cluster.ts';
import type { AuditWriterKey } from '../keys/audit-writer-key.ts';
import type { GauzeError } from '../platform/errors.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { GrantsSession } from './grants-session.ts';

export interface GrantsWriterOptions {
  readonly cluster: Cluster;
  readonly names: TopicNames;
  readonly schemaIds: { readonly grants: number; readonly auditEvent: number };
  /** Vouches for the audit events of this process. */
  readonly auditKey: AuditWriterKey;
  readonly onTrouble: (error: GauzeError) => void;
}

/** The least that brokers allow by default: so long a writer that died keeps the next one waiting. */
const SESSION_TIMEOUT_MS = 6_000;

/** The writer; it fails for good where the access log can't be read any more. */
export function createGrantsWriter(options: GrantsWriterOptions): SoleWorker {
  const { cluster, names, onTrouble } = options;
  return new SoleWorker({
    cluster,
    group: names.approvalsGroup,
    topic: names.access,
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
    openSession: () => new GrantsSession(options),
    isFatal: ({ code }) => code === 'ERR_ACCESS_LOG_CORRUPT',
    onTrouble,
  });
}
