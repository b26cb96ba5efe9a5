/**
 * What the people of the synthetic hospital ask for in a run of grants, decide and take back, in which order, and what
 * each request has to come to. The same seed makes the same script.
 */
import type { HospitalPerson } from '../../stack/identity-people.ts';
import type { ClinicalTopic } from '../../examples/hospital/clinical-values.ts';

/** What becomes of a request, told from the script alone. */
export type ScriptedEnd = 'DENIED' | 'WITHDRAWN' | 'REVOKED' | 'ENDED' | 'EXHAUSTED';

export interface Narrowed {
  readonly fields?: readonly string[];
  readonly persons?: readonly string[];
  readonly maxRecords?: number;
  readonly maxPersons?: number;
  readonly durationMinutes?: number;
}

export interface ScriptedRequest {
  readonly name: string;
  readonly by: HospitalPerson;
  readonly topic: ClinicalTopic;
  readonly fields: readonly string[];
  readonly durationMinutes: number;
  readonly maxRecords: number;
  readonly maxPersons?: number;
  readonly persons?: readonly string[];
  /** Which half of what was fed first: its times are the bounds. */
  readonly half?: 'first' | 'second';
  /** Break-glass: nobody is asked. */
  readonly isEmergency?: boolean;
  /** What the data owner cuts it down to. */
  readonly narrow?: Narrowed;
  /** Who says no: the first approver or the last. */
  readonly denied?: 'first' | 'last';
  readonly isWithdrawn?: boolean;
  /** Who takes the grant back while it delivers. */
  readonly revokedBy?: HospitalPerson;
  readonly end: ScriptedEnd;
}

/** Persons to choose from, by topic: identifiers as the records hold them. */
export type Persons = ReadonlyMap<ClinicalTopic, readonly string[]>;

type Draft = Omit<ScriptedRequest, 'name' | 'by' | 'topic' | 'fields' | 'durationMinutes' | 'maxRecords'> &
  Partial<ScriptedRequest>;

type Kind = (topic: ClinicalTopic, i: number) => Draft;

const TOPICS = ['clinical.encounters', 'clinical.observations', 'clinical.claims'] as const;
/** Tags and paths; each topic has leaves under all of them. */
const FIELDS = [['PHI_ID'], ['PHI_DATE'], ['PHI_ID', 'PHI_DATE'], ['PHI_ACCOUNT'], ['patientId']] as const;
const REVOKERS = ['requester', 'carol', 'dan'] as const;

/** More than a grant can deliver in its minute: what ends it is time, or a person. */
const UNLIMITED = 1_000_000;

/** A number from 0 to below 1 for each call, by a multiplicative generator (Park and Miller). */
export function seededNumbers(seed: number): () => number {
  let state = seed % 2_147_483_647 || 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

export function grantScript(persons: Persons, seed: number): readonly ScriptedRequest[] {
  const next = seededNumbers(seed);
  const some = (topic: ClinicalTopic, count: number): readonly string[] => {
    const all = persons.get(topic)!;
    const chosen = new Set<string>();
    while (chosen.size < count) chosen.add(all[Math.floor(next() * all.length)]!);
    return [...chosen];
  };
  const kinds: Kind[] = [
    ...times(7, (_topic, i) => ({ denied: i % 2 === 0 ? 'first' : 'last', end: 'DENIED' })),
    ...times(3, () => ({ isWithdrawn: true, end: 'WITHDRAWN' })),
    ...times(30, (_topic, i) => ({
      revokedBy: revoker(i),
      durationMinutes: 5,
      maxRecords: UNLIMITED,
      end: 'REVOKED',
    })),
    ...times(20, () => ({ maxRecords: 5 + Math.floor(next() * 60), end: 'EXHAUSTED' })),
    ...times(12, () => ({ maxPersons: 2 + Math.floor(next() * 7), end: 'EXHAUSTED' })),
    ...times(14, (topic) => ({ persons: some(topic, 2 + Math.floor(next() * 3)), end: 'ENDED' })),
    ...times(6, (topic) => {
      const named = some(topic, 4);
      return { persons: named, narrow: { persons: named.slice(0, 2) }, end: 'ENDED' };
    }),
    ...times(6, () => ({
      fields: ['PHI_ID', 'PHI_DATE'],
      durationMinutes: 30,
      narrow: { fields: ['PHI_DATE'], maxRecords: 20, durationMinutes: 1 },
      end: 'EXHAUSTED',
    })),
    ...times(6, (topic, i) => ({
      half: i % 2 === 0 ? 'first' : 'second',
      persons: some(topic, 6),
      end: 'ENDED',
    })),
    ...times(8, () => ({ maxRecords: UNLIMITED, end: 'ENDED' })),
  ];
  const shuffled = shuffle(kinds, next).map((kind, i) => {
    const topic = TOPICS[i % TOPICS.length]!;
    const by = i % 4 === 3 ? ('bob' as const) : ('alice' as const);
    const given = kind(topic, i);
    const revokedBy = given.revokedBy === 'alice' ? by : given.revokedBy;
    const common = { fields: FIELDS[i % FIELDS.length]!, durationMinutes: 1, maxRecords: 500 };
    return {
      ...common,
      ...given,
      ...(revokedBy ? { revokedBy } : {}),
      name: `r${String(i).padStart(3, '0')}`,
      by,
      topic,
    };
  });
  return [...shuffled, ...emergencies()];
}

/** One at a time for each topic is all that the rules allow. */
function emergencies(): readonly ScriptedRequest[] {
  const [encounters, observations] = TOPICS;
  return [encounters, observations].map((topic, i) => ({
    name: `e${i}`,
    by: 'erin' as const,
    topic,
    fields: ['PHI_ID'],
    durationMinutes: 1,
    maxRecords: 30,
    isEmergency: true,
    end: 'EXHAUSTED' as const,
  }));
}

function revoker(i: number): HospitalPerson {
  const who = REVOKERS[i % REVOKERS.length]!;
  return who === 'requester' ? 'alice' : who;
}

function times(count: number, kind: Kind): Kind[] {
  return Array.from({ length: count }, () => kind);
}

export function shuffle<T>(items: readonly T[], next: () => number): T[] {
  const left = [...items];
  return items.map(() => left.splice(Math.floor(next() * left.length), 1)[0]!);
}
