/**
 * What a policy pins beside its methods: the key epoch, and which identifiers were merged. Both change what pseudonyms
 * come out, so they are the policy's, and each lane takes a change of them at one recorded offset.
 * It reads settings only: whether keys and files are there is asked by whoever uses them.
 */

/** Which epoch of the audience's keys is used. */
export interface KeyEpochs {
  readonly epoch: number;
  /** Older ones under whose keys records still stand in compacted topics, newest first. */
  readonly live: readonly number[];
}

/** Merged persons: their identifiers have one pseudonym, and their dates one shift. */
export interface PersonMerges {
  /** SHA-256 of the file of merged persons, hex. */
  readonly sha256: string;
  /** Domains of pseudonyms whose identifiers stand in the file. */
  readonly domains: readonly string[];
}

const FIRST_EPOCH: KeyEpochs = { epoch: 1, live: [] };

const LARGEST_EPOCH = 0xffffffff;
const LIVE_EPOCHS_MAX = 16;
const SHA256 = /^[0-9a-f]{64}$/;
const DOMAIN = /^[a-z][a-z0-9-]{0,62}$/;

/** Tells what is wrong: the step to the setting, and what was expected there. */
type Wrong = (step: string, expected: string) => void;

type Settings = Readonly<Record<string, unknown>>;

export type ReadPart<T> = (settings: Settings, wrong: Wrong) => T;

export function readKeyEpochs({ epoch = 1, live }: Settings, wrong: Wrong): KeyEpochs {
  if (!isEpoch(epoch)) {
    wrong('epoch', 'a key epoch, a whole number from 1 on');
    return FIRST_EPOCH;
  }
  if (live === undefined) {
    const count = Math.min(epoch - 1, LIVE_EPOCHS_MAX);
    return { epoch, live: Array.from({ length: count }, (_, i) => epoch - 1 - i) };
  }
  const isList = Array.isArray(live) && live.length <= LIVE_EPOCHS_MAX;
  if (!isList || !live.every((each) => isEpoch(each) && each < epoch)) {
    wrong('live', `a list of at most ${LIVE_EPOCHS_MAX} epochs before the one in use`);
    return { epoch, live: [] };
  }
  return { epoch, live: [...new Set(live.filter(isEpoch))].sort((a, b) => b - a) };
}

export function readPersonMerges({ aliases, domains }: Settings, wrong: Wrong): PersonMerges | null {
  if (aliases === undefined && domains === undefined) return null;
  const isHash = typeof aliases === 'string' && SHA256.test(aliases);
  if (!isHash) wrong('aliases', 'the SHA-256 of the file of merged persons, 64 hex digits');
  const isList = Array.isArray(domains) && domains.every((each) => typeof each === 'string');
  const words = isList ? domains.filter((each) => typeof each === 'string') : [];
  if (!isList || !words.every((each) => DOMAIN.test(each)))
    wrong('domains', 'a list of domains of pseudonyms, such as [patient]');
  return isHash ? { sha256: aliases, domains: [...new Set(words)].sort() } : null;
}

function isEpoch(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= LARGEST_EPOCH;
}
