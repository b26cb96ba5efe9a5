/**
 * What all grant tasks of one instance share. Plain references; no task may change any of it.
 */
import type { PersonAliases } from '../keys/person-aliases.ts';
import type { GauzeError } from '../platform/errors.ts';
import type { GrantStopReason } from '../schemas/access-codecs.ts';
import type { ControlSchemaIds, LaneContext } from './lane-context.ts';
import type { GrantStateLog } from './grant-state-log.ts';

export interface GrantEvents {
  grantHeld(grant: string, error: GauzeError): void;
  grantTrouble(grant: string, error: GauzeError): void;
  /** A session of the task is open: it may deliver. */
  grantOpened(grant: string): void;
  /** Nothing more is delivered. */
  grantStopped(grant: string, reason: GrantStopReason): void;
  grantTopicRemoved(grant: string): void;
}

export interface GrantContext extends Pick<
  LaneContext,
  | 'cluster'
  | 'names'
  | 'plans'
  | 'policyLog'
  | 'keyring'
  | 'auditKey'
  | 'limits'
  | 'principal'
  | 'targetSettings'
  | 'stillHolds'
  | 'dictionaries'
> {
  readonly schemaIds: Pick<ControlSchemaIds, 'auditEvent' | 'policyLog'> & { readonly grantProgress: number };
  /** Which ids of persons were merged: they count once. */
  readonly aliases: PersonAliases;
  readonly states: GrantStateLog;
  readonly events: GrantEvents;
  readonly deleteTopic: (topic: string) => Promise<void>;
}
