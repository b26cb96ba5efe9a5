/**
 * The legal regimes, and which method each allows for which tag, with the paragraph that says so.
 * A tag that is missing here must not be allowed anything: the type of the table sees to that.
 */
import type { Instruction, MethodName } from '../processors/plan.ts';
import type { Accounting } from '../schemas/control-codecs.ts';
import { TAGS } from '../schemas/tags.ts';
import type { TagName } from '../schemas/tags.ts';

interface RegimeRow {
  readonly paragraph: string;
  readonly doc: string;
  /** What the policy's description has to say, where the regime rests on it; else null. */
  readonly description: string | null;
  readonly timestamps: readonly ('append' | 'keep')[];
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
    timestamps: ['append', 'keep'],
    purpose: ['HRESCH'],
    accounting: 'EXEMPT_LIMITED_DATA_SET',
  },
  'expert-determination': {
    paragraph: '45 CFR 164.514(b)(1)',
    doc: 'An expert has determined, and written down, that the risk of identification is very small.',
    description: 'text: who determined it, and where it is written down',
    timestamps: ['append', 'keep'],
    purpose: [],
    accounting: 'NOT_PHI',
  },
  tpo: {
    paragraph: '45 CFR 164.506(c)',
    doc: 'Treatment, payment or health care operations: PHI for people who need it for their work.',
    description: 'text: the purpose',
    timestamps: ['append', 'keep'],
    purpose: ['TREAT', 'HPAYMT', 'HOPERAT'],
    accounting: 'EXEMPT_TPO',
  },
} as const satisfies Record<string, RegimeRow>;

export type Regime = keyof typeof REGIMES;

/** What a regime allows for a tag. */
export interface Allowance {
  readonly methods: readonly MethodName[] | 'any';
  readonly paragraph: string;
  /** May a `fields:` entry with its reason decide otherwise for one path? */
  readonly decidable: boolean;
}

const REMOVE: readonly MethodName[] = ['drop', 'redact'];
const STAND_IN: readonly MethodName[] = ['drop', 'redact', 'pseudonym'];
const YEAR: readonly MethodName[] = ['drop', 'redact', 'date-truncate'];
const SAFE_HARBOR_DATES = '45 CFR 164.514(b)(2)(i)(C)';
/** Ages over this are one category under Safe Harbor, (b)(2)(i)(C). */
const OLDEST_AGE = 89;

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
  const { methods, paragraph, decidable } = REGIME_TABLE[regime][tag];
  if (methods === 'any' || (decidable && isException)) return null;
  const isAllowed =
    methods.includes(instruction.method) && (regime !== 'safe-harbor' || staysInSafeHarbor(instruction));
  return isAllowed ? null : { paragraph, expected: methods.map(inWords).join(' or ') };
}

/** Parameters that Safe Harbor fixes: years only, one category from 90 on. */
function staysInSafeHarbor(instruction: Instruction): boolean {
  if (instruction.method === 'date-truncate')
    return instruction.unit === 'year' && instruction.over89 === 'cap';
  return instruction.method !== 'age-cap' || instruction.over <= OLDEST_AGE;
}

function inWords(method: MethodName): string {
  if (method === 'date-truncate') return 'date-truncate (unit: year, over89: cap)';
  return method === 'age-cap' ? `age-cap (over: ${OLDEST_AGE} or less)` : method;
}

function safeHarbor(tag: TagName): Allowance {
  if (tag === 'PHI_NONE' || tag === 'PROVIDER_NAME' || tag === 'PROVIDER_ID')
    return anything(REGIMES['safe-harbor'].paragraph);
  const sensitive = SENSITIVE[tag];
  if (sensitive !== undefined) return { methods: REMOVE, paragraph: sensitive, decidable: false };
  switch (tag) {
    case 'PHI_ZIP':
      return only([...REMOVE, 'zip3'], '45 CFR 164.514(b)(2)(i)(B)');
    case 'PHI_DATE':
    case 'PHI_BIRTH_DATE':
    case 'PHI_DEATH_DATE':
      return only(YEAR, SAFE_HARBOR_DATES);
    case 'PHI_AGE':
      return only([...REMOVE, 'age-cap'], SAFE_HARBOR_DATES);
    case 'PHI_FREE_TEXT':
      return only(REMOVE, '45 CFR 164.514(b)(2)(i) and (ii): text may hold any identifier');
    default: {
      // A keyed pseudonym is derived from the identifier, so it is no code that (c)(1) lets stay.
      const paragraph = `45 CFR 164.514(b)(2)(i)(${TAGS[tag].letter ?? 'R'}); a code derived from it fails 164.514(c)(1)`;
      return only(REMOVE, paragraph);
    }
  }
}

function limitedDataSet(tag: TagName): Allowance {
  const sensitive = SENSITIVE[tag];
  if (sensitive !== undefined) return { methods: REMOVE, paragraph: sensitive, decidable: true };
  if (tag === 'PHI_FREE_TEXT') return only(REMOVE, '45 CFR 164.514(e)(2): text may hold direct identifiers');
  const item = LIMITED_DATA_SET_LIST[tag];
  if (item === undefined) return anything(REGIMES['limited-data-set'].paragraph);
  const paragraph = `45 CFR 164.514(e)(2)(${item})`;
  // Town, city, State and ZIP code may stay: a person decides which field is which.
  return tag === 'PHI_GEO' ? { methods: REMOVE, paragraph, decidable: true } : only(STAND_IN, paragraph);
}

function only(methods: readonly MethodName[], paragraph: string): Allowance {
  return { methods, paragraph, decidable: false };
}

function anything(paragraph: string): Allowance {
  return { methods: 'any', paragraph, decidable: false };
}

function forAllTags(allow: (tag: TagName) => Allowance): Readonly<Record<TagName, Allowance>> {
  const tags = Object.keys(TAGS) as TagName[];
  return Object.fromEntries(tags.map((tag) => [tag, allow(tag)])) as Record<TagName, Allowance>;
}
