/**
 * `gauze audit hold place`, `release` and `list`: legal holds go on record and come off it, and are told as the audit
 * topics have them. No identifier of a patient leaves this process.
 */
import { assertNoIdentifier } from '../approvals/free-text.ts';
import { patientReference, patientTokens } from '../audit/query/patient.ts';
import { HoldScan, holdBody, releaseBody } from '../audit/retention/legal-hold.ts';
import type { LegalHold } from '../audit/retention/legal-hold.ts';
import { nowMs, randomId } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { patientId, timeOf } from './audit-query-command.ts';
import { withAuditSource, withHand } from './audit-retention-command.ts';
import { policyRequester } from './policy-question.ts';
import { Site } from './site.ts';
import { EXIT, print, table } from './terminal.ts';

const HEAD = ['hold', 'about', 'kept', 'placed', 'by', 'state', 'reason'];

export interface HoldOptions {
  readonly config: string;
  readonly json: boolean;
  readonly reason?: string;
  readonly patient?: string;
  readonly from?: string;
  readonly to?: string;
}

/** Throws ERR_USAGE_ARGUMENT, ERR_AUDIT_HOLD_UNKNOWN where no such hold is in force. */
export async function auditHoldCommand(
  what: string,
  id: string | undefined,
  options: HoldOptions,
): Promise<number> {
  const site = await Site.load(options.config);
  if (what === 'list') return await list(site, options);
  if (what === 'place') return await place(site, options);
  if (what === 'release' && id !== undefined) return await release(site, id, options);
  throw usage('hold', 'place, list, or release with the id of a hold');
}

async function place(site: Site, options: HoldOptions): Promise<number> {
  const reason = reasonOf(options);
  const actor = await policyRequester(site);
  const id = randomId();
  const patient = options.patient === undefined ? null : await referenceOf(site, options.patient);
  const hold = {
    id,
    scope: patient === null ? 'site' : 'patient',
    patient,
    fromMs: options.from === undefined ? null : timeOf('--from', options.from),
    toMs: options.to === undefined ? null : timeOf('--to', options.to),
    reason,
  } as const;
  await withHand(site, async (hand) => await hand.declare([holdBody(hold, actor, nowMs())]));
  print(options.json ? JSON.stringify({ hold: id }) : `The hold ${id} is in force.`);
  return EXIT.ok;
}

async function release(site: Site, id: string, options: HoldOptions): Promise<number> {
  const reason = reasonOf(options);
  const actor = await policyRequester(site);
  const holds = await holdsOf(site);
  if (!holds.some((hold) => hold.id === id && hold.released === null))
    throw new GauzeError('ERR_AUDIT_HOLD_UNKNOWN', { actual: id });
  await withHand(site, async (hand) => await hand.declare([releaseBody(id, reason, actor, nowMs())]));
  print(options.json ? JSON.stringify({ released: id }) : `The hold ${id} is released.`);
  return EXIT.ok;
}

async function list(site: Site, { json }: HoldOptions): Promise<number> {
  const holds = await holdsOf(site);
  if (json) print(JSON.stringify({ holds }));
  else if (holds.length === 0) print('No hold was ever placed, as far as the topics go back.');
  else for (const line of table(HEAD, holds.map(row))) print(line);
  return EXIT.ok;
}

function reasonOf({ reason }: HoldOptions): string {
  if (reason === undefined) throw usage('--reason', 'given');
  assertNoIdentifier(reason, '--reason');
  return reason;
}

function usage(setting: string, expected: string): GauzeError {
  return new GauzeError('ERR_USAGE_ARGUMENT', { setting, expected });
}

async function holdsOf(site: Site): Promise<readonly LegalHold[]> {
  return await withAuditSource(site, async (source, trust) => {
    const scan = new HoldScan(source, trust);
    await scan.goOn();
    return scan.all;
  });
}

function row({ id, scope, fromMs, toMs, placedAtMs, by, released, reason }: LegalHold): string[] {
  const day = (ms: number | null): string => (ms === null ? '' : new Date(ms).toISOString());
  const kept = fromMs === null && toMs === null ? 'everything' : `${day(fromMs)} to ${day(toMs)}`;
  const state = released ? `released ${day(released.atMs)} by ${released.by}` : 'in force';
  return [id, scope, kept, day(placedAtMs), by, state, reason];
}

/** A hash that stands for the patient: the same for every id that the person has. */
async function referenceOf(site: Site, patient: string): Promise<string> {
  const [keyring, aliases] = [await site.keyring(), await site.aliases()];
  return patientReference(patientTokens(keyring, await patientId(patient), aliases));
}
