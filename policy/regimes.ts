/**
 * The legal regimes, and which method each allows for which tag, with the paragraph that says so.
 * A tag that is missing here must not be allowed anything: the type of the table sees to that.
 */
import type { Instruction } from '../processors/plan.ts';
import type { Accounting } from '../schemas/control-codecs.ts';
import { TAGS } from '../schemas/tags.ts';
import type { TagName } from '../schemas/tags.ts';
import { permit, permitInWords, permitsOf } from './regime-permits.ts';
import type { Permit } from './regime-permits.ts';

interface RegimeRow {
  readonly paragraph: string;
  readonly doc: string;
  /** What the policy's description has to say, where the regime rests on it; else null. */
  readonly description: string | null;
  readonly timestamps: readonly ('append' | 'keep' | 'shift')[];
  /** HL7 v3-ActReason codes that reads for such an audience are recorded with. */
  readonly purpose: readonly string[];
  /** Whether the read counts in an accounting of disclosures, 45 CFR 164.528(a)(1). */
  readonly accounting: Accounting;
}

export const REGIMES = {
  'safe-harbor': {
    paragraph: '45 CFR 164.514(b)(2)',
    doc: 'De-identified by removing the eighteen identifiers: no longer PHI.',
    description: null,
    timestamps: ['append'],
    purpose: [],
    accounting: 'NOT_PHI',
  },
  'limited-data-set': {
    paragraph: '45 CFR 164.514(e)',
    doc: 'Still PHI, without direct identifiers, under a data use agreement: research, public health, operations.',
    description: null,
    timestamps: ['append', 'keep', 'shift'],
    purpose: ['HRESCH'],
    accounting: 'EXEMPT_LIMITED_DATA_SET',
  },
  'expert-determination': {
    paragraph: '45 CFR 164.514(b)(1)',
    doc: 'An expert has determined, and written down, that the risk of identification is very small.',
    description: 'text: who determined it, and where it is written down',
    timestamps: ['append', 'keep', 'shift'],
    purpose: [],
    accounting: 'NOT_PHI',
  },
  tpo: {
    paragraph: '45 CFR 164.506(c)',
    doc: 'Treatment, payment or health care operations: PHI for people who need it for their work.',
    description: 'text: the purpose',
    timestamps: ['append', 'keep', 'shift'],
    purpose: ['TREAT', 'HPAYMT', 'HOPERAT'],
    accounting: 'EXEMPT_TPO',
  },
} as const satisfies Record<string, RegimeRow>;

export type Regime = keyof typeof REGIMES;

/** What a regime allows for a tag. */
export interface Allowance {
  readonly permits: readonly Permit[];
  /** What a `fields:` entry with its reason may say besides, for one path: a person has decided. */
  readonly byReason: readonly Permit[];
  readonly paragraph: string;
}

/** All that a method may be. */
const EVERYTHING = permitsOf('nothing', 'code', 'lookalike', 'part', 'text', 'moved', 'coarser', 'value');
const REMOVE = permitsOf('nothing');
const STAND_IN = permitsOf('nothing', 'code');
/** Ages over this are one category under Safe Harbor, (b)(2)(i)(C). */
const OLDEST_AGE = 89;
const SAFE_HARBOR_YEAR = permit(
  'date-truncate',
  'unit: year, over89: cap',
  ({ unit, over89 }) => unit === 'year' && over89 === 'cap',
);
const SAFE_HARBOR_AGE = permit('age-cap', `over: ${OLDEST_AGE} or less`, ({ over }) => over <= OLDEST_AGE);
const SAFE_HARBOR_AGE_RANGE = permit(
  'bucket',
  `one range from ${OLDEST_AGE + 1} or less on`,
  ({ upper, edges }) => (upper ?? edges?.at(-1) ?? Infinity) <= OLDEST_AGE + 1,
);

/** What Safe Harbor lets stay of an identifier; of all others nothing stays, and no code that follows from them. */
const SAFE_HARBOR_REST: Partial<Record<TagName, readonly Permit[]>> = {
  PHI_ZIP: [permit('zip3')],
  PHI_DATE: [SAFE_HARBOR_YEAR],
  PHI_BIRTH_DATE: [SAFE_HARBOR_YEAR],
  PHI_DEATH_DATE: [SAFE_HARBOR_YEAR],
  PHI_AGE: [SAFE_HARBOR_AGE, SAFE_HARBOR_AGE_RANGE],
};

/** Paragraphs of 45 CFR 164.514(e)(2): the direct identifiers that a limited data set may not hold. */
const LIMITED_DATA_SET_LIST: Partial<Record<TagName, string>> = {
  PHI_NAME: 'i',
  PHI_GEO: 'ii',
  PHI_PHONE: 'iii',
  PHI_FAX: 'iv',
  PHI_EMAIL: 'v',
  PHI_SSN: 'vi',
  PHI_MRN: 'vii',
  PHI_MEMBER_ID: 'viii',
  PHI_ACCOUNT: 'ix',
  PHI_LICENSE: 'x',
  PHI_VEHICLE: 'xi',
  PHI_DEVICE: 'xii',
  PHI_URL: 'xiii',
  PHI_IP: 'xiv',
  PHI_BIOMETRIC: 'xv',
  PHI_PHOTO: 'xvi',
};

/** Numbers of an organisation's own; one that looks like an SSN or a telephone number may be another person's. */
const LOOKALIKE_TAGS: ReadonlySet<TagName> = new Set<TagName>([
  'PHI_MRN',
  'PHI_MEMBER_ID',
  'PHI_ACCOUNT',
  'PHI_LICENSE',
  'PHI_VEHICLE',
  'PHI_DEVICE',
]);

/** Which rules make a kind of record sensitive beyond HIPAA's list of identifiers. */
const SENSITIVE: Partial<Record<TagName, string>> = {
  SENSITIVE_SUD: '42 CFR Part 2',
  SENSITIVE_MENTAL: '45 CFR 164.508(a)(2)',
  SENSITIVE_HIV: 'State law on HIV records',
  SENSITIVE_REPRODUCTIVE: 'State law on reproductive health records',
  SENSITIVE_GENETIC: '45 CFR 164.502(a)(5)(i)',
};

/** Regime by tag: the whole table, for checks and for docs/reference/regimes.md. */
export const REGIME_TABLE: Readonly<Record<Regime, Readonly<Record<TagName, Allowance>>>> = {
  'safe-harbor': forAllTags(safeHarbor),
  'limited-data-set': forAllTags(limitedDataSet),
  'expert-determination': forAllTags(() => anything(REGIMES['expert-determination'].paragraph)),
  tpo: forAllTags(() => anything(REGIMES.tpo.paragraph)),
};

/** What a regime says against an instruction. */
export interface RegimeObjection {
  readonly paragraph: string;
  /** What it allows instead, in words. */
  readonly expected: string;
}

/**
 * Why `regime` does not allow `instruction` for `tag`; null where it does.
 * `isException`: it was decided for one path, with a reason.
 */
export function regimeObjection(
  regime: Regime,
  tag: TagName,
  instruction: Instruction,
  isException: boolean,
): RegimeObjection | null {
  const { permits, byReason, paragraph } = REGIME_TABLE[regime][tag];
  if (permits.some(({ allows }) => allows(instruction))) return null;
  if (isException && byReason.some(({ allows }) => allows(instruction))) return null;
  return { paragraph, expected: permits.map(permitInWords).join(' or ') };
}

/** Records of this kind are dropped where a policy has no method for them. */
export function isSensitive(tag: TagName): boolean {
  return SENSITIVE[tag] !== undefined;
}

function safeHarbor(tag: TagName): Allowance {
  if (tag === 'PHI_NONE' || tag === 'PROVIDER_NAME' || tag === 'PROVIDER_ID')
    return anything(REGIMES['safe-harbor'].paragraph);
  const sensitive = SENSITIVE[tag];
  if (sensitive !== undefined) return only(REMOVE, sensitive);
  if (tag === 'PHI_FREE_TEXT')
    return only(REMOVE, '45 CFR 164.514(b)(2)(i) and (ii): text may hold any identifier');
  const letter = `45 CFR 164.514(b)(2)(i)(${TAGS[tag].letter ?? 'R'})`;
  const rest = SAFE_HARBOR_REST[tag];
  if (rest) return only([...REMOVE, ...rest], letter);
  // A keyed pseudonym is derived from the identifier, so it is no code that (c)(1) lets stay.
  return only(REMOVE, `${letter}; a code derived from it fails 164.514(c)(1)`);
}

function limitedDataSet(tag: TagName): Allowance {
  const sensitive = SENSITIVE[tag];
  if (sensitive !== undefined) return only(REMOVE, sensitive, EVERYTHING);
  if (tag === 'PHI_FREE_TEXT') {
    const paragraph = '45 CFR 164.514(e)(2): text may hold direct identifiers';
    return only(REMOVE, paragraph, permitsOf('text'));
  }
  const item = LIMITED_DATA_SET_LIST[tag];
  if (item === undefined) return anything(REGIMES['limited-data-set'].paragraph);
  const paragraph = `45 CFR 164.514(e)(2)(${item})`;
  // Town, city, State and ZIP code may stay: a person decides which field is which.
  if (tag === 'PHI_GEO') return only(REMOVE, paragraph, EVERYTHING);
  return only(LOOKALIKE_TAGS.has(tag) ? [...STAND_IN, ...permitsOf('lookalike')] : STAND_IN, paragraph);
}

function only(permits: readonly Permit[], paragraph: string, byReason: readonly Permit[] = []): Allowance {
  return { permits, byReason, paragraph };
}

function anything(paragraph: string): Allowance {
  return { permits: EVERYTHING, byReason: [], paragraph };
}

function forAllTags(allow: (tag: TagName) => Allowance): Readonly<Record<TagName, Allowance>> {
  const tags = Object.keys(TAGS) as TagName[];
  return Object.fromEntries(tags.map((tag) => [tag, allow(tag)])) as Record<TagName, Allowance>;
}
