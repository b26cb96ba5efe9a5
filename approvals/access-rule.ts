/**
 * What one access rule says, once its file was read: who may ask for what of which topics, who decides, and how far
 * it may go. Data only; access-rules-file.ts reads it, access-rules.ts applies it.
 */
import type { AccessStage, AccessWindow } from '../schemas/access-codecs.ts';
import type { PurposeCode } from './purposes.ts';

/** Roles that gauze itself knows; every other is a word of the config. */
export const PRIVACY_OFFICERS = 'privacy-officers';
export const OPERATORS = 'operators';
/** What a request names in place of an audience where it is about the access rules themselves. */
export const ACCESS_RULES = '=access-rules';

/** People who may go ahead without asking, and are reviewed afterwards. */
export interface BreakGlass {
  /** Roles, any of which is enough. */
  readonly allowed: readonly string[];
  readonly maxDurationMs: number;
  /** From activation to the review by somebody else. */
  readonly reviewMs: number;
}

export interface AccessRule {
  readonly name: string;
  readonly topics: readonly string[];
  /** Tags that may be asked for. */
  readonly tags: ReadonlySet<string>;
  /** Paths that may be asked for, whatever their tags. */
  readonly paths: ReadonlySet<string>;
  /** Roles, any of which is enough. */
  readonly requesters: readonly string[];
  /** In order; empty only with `autoApprove`. */
  readonly stages: readonly AccessStage[];
  readonly purposes: readonly PurposeCode[];
  readonly pendingMs: number;
  readonly activationMs: number;
  readonly maxDurationMs: number;
  readonly maxRecords: number;
  /** null: as many as there are. */
  readonly maxPersons: number | null;
  readonly window: AccessWindow | null;
  readonly autoApprove: boolean;
  readonly breakGlass: BreakGlass | null;
  /** For replays of audit events, and for nothing else. */
  readonly replay: boolean;
  /** Line of the rule in its file, from 1. */
  readonly line: number;
}
