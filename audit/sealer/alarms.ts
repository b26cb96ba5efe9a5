/**
 * What a sealer has to say that people should look at: words of a closed list, with names, offsets and counts. A seal
 * stays small whatever happens; what is left out of one is counted in it.
 */
import type { SealAlarm } from '../../schemas/seal-codecs.ts';

/** Code of an alarm and what it means. */
export const SEAL_ALARMS = {
  SEQ_GAP: 'events of a chain are missing, or stand twice',
  PREV_HASH: 'an event does not name the one before it',
  BAD_SIGNATURE: 'the signature under an event is wrong',
  CHAIN_START_MISSING: 'a chain whose beginning was not seen',
  CHAIN_MOVED: 'a chain goes on in another partition',
  EVENT_UNREADABLE: 'a record that is no audit event',
  COVERAGE_GAP: 'offsets that no event tells of, though later ones are told of',
  COVERAGE_OVERLAP: 'offsets that two events tell of',
  COVERAGE_SHORT: 'a group has committed further than its events reach, an interval later',
  GROUP_OFFSETS_GONE: 'a group has lost the offsets it had committed',
  LOG_START_MOVED: 'records at the beginning of an audit topic are gone',
  LOG_STALLED: 'an open transaction holds the reading of an audit topic up',
  TOPIC_CONFIG_CHANGED: 'settings of the audit topics are other than at the seal before',
  TOPIC_CONFIG_DRIFT: 'a setting lets an audit topic lose or reorder records',
  AUDIT_ALTERABLE: 'a rule lets somebody alter an audit topic or delete from it',
  POSITIONS_MOVABLE: 'a rule lets somebody move or delete the positions that completeness is measured by',
  RIGHTS_ALTERABLE:
    'a rule lets somebody give rights, to audit and raw topics too, or set the brokers up anew',
  AUDIT_WRITABLE: 'a rule lets somebody who is no part of gauze write to an audit topic',
  SUBJECTS_READABLE: 'a rule lets somebody else read the index of persons',
  RAW_READABLE: 'a rule lets somebody beside gauze read a raw topic',
  RAW_GROUP: 'a group beside those of gauze reads a raw topic, or has members where none of gauze has any',
  WITNESS_SILENT: 'a witness did not answer',
  WITNESS_REFUSED: 'a witness refused a checkpoint',
  CLOCK_BACK: "the sealer's clock stands before the seal before",
  NOT_SEEN: 'something could not be looked at',
  MORE_ALARMS: 'further alarms, left out',
} as const;

export type SealAlarmCode = keyof typeof SEAL_ALARMS;

const ALARMS_MAX = 200;
const TEXT_MAX = 300;

/** The alarms of one seal. */
export class Alarms {
  private readonly raised = new Map<string, SealAlarm>();
  private leftOut = 0;

  /** The same code at the same place is told once, with what was said first. */
  raise(code: SealAlarmCode, place: string, detail: string | null = null): void {
    const key = `${code} ${place}`;
    if (this.raised.has(key)) return;
    if (this.raised.size >= ALARMS_MAX) {
      this.leftOut += 1;
      return;
    }
    this.raised.set(key, {
      code,
      place: place.slice(0, TEXT_MAX),
      detail: detail?.slice(0, TEXT_MAX) ?? null,
    });
  }

  /** All that was raised since the last call. */
  take(): readonly SealAlarm[] {
    const more: SealAlarm[] =
      this.leftOut > 0 ? [{ code: 'MORE_ALARMS', place: '', detail: String(this.leftOut) }] : [];
    const all = [...this.raised.values(), ...more];
    this.raised.clear();
    this.leftOut = 0;
    return all;
  }
}
