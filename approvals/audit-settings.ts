/**
 * What the work on the audit topics needs to know: plain data, for it goes to a thread of its own. It holds the
 * auditor's log-in, so it is never printed.
 */
import type { KafkaEndpoint } from '../kafka/endpoint.ts';

export interface AuditSettings {
  /** With the auditor's log-in. */
  readonly endpoint: KafkaEndpoint;
  /** Kafka principal of that log-in. */
  readonly principal: string;
  /** Of gauze's own topics. */
  readonly prefix: string;
  /** Registry id of PhiAuditEvent. */
  readonly schemaId: number;
  readonly keyringFile: string;
  /** Merges of persons; null: none. */
  readonly aliasFile: string | null;
  /** Folder of the index and of the verifier's state. */
  readonly folder: string;
  /** null: nobody's keys are known. */
  readonly trust: { readonly file: string; readonly rootVkey: string } | null;
  readonly witnesses: readonly { readonly url: string; readonly vkey: string }[];
  /** Files of the accounting of disclosures; null: none. */
  readonly recipientsFile: string | null;
  readonly holdsFile: string | null;
  /** From the end of one verification to the begin of the next. */
  readonly verifyIntervalMs: number;
}
