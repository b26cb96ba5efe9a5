/**
 * What a policy pins beside its methods: the key epoch, and when two identifiers are one person's. Both change
 * what comes out, so they are the policy's, and each lane takes a change of them at one recorded offset.
 * It reads settings only: whether keys and files are there is asked by whoever uses them.
 */

import { NORMALIZERS } from '../processors/identifier-form.ts';
import type { Normalizer } from '../processors/identifier-form.ts';

/** Which epoch of the audience's keys is used. */
export interface KeyEpochs {
  readonly epoch: number;
  /** Older ones under whose keys records still stand in compacted topics, newest first. */
  readonly live: readonly number[];
}

/** When two identifiers are one person's. */
export interface PersonRules {
  /** What of a person's identifier does not say who is meant, for shifts of dates. */
  readonly normalize: readonly Normalizer[];
  /** SHA-256 of the file of merged persons, hex: their dates have one shift; null where nobody counts as merged. */
  readonly aliases: string | null;
  /** Domains of pseudonyms whose identifiers stand in that file: they have one pseudonym. */
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

/** Null for a policy that says nothing of it. */
export function readPersonRules(settings: Settings, wrong: Wrong): PersonRules | null {
  const { aliases, domains = [], normalize = [] } = settings;
  if (Object.keys(settings).length === 0) return null;
  const isHash = typeof aliases === 'string' && SHA256.test(aliases);
  if (aliases !== undefined && !isHash)
    wrong('aliases', 'the SHA-256 of the file of merged persons, 64 hex digits');
  const words = textsOf(domains);
  if (words === null || !words.every((each) => DOMAIN.test(each)))
    wrong('domains', 'a list of domains of pseudonyms, such as [patient]');
  if (words !== null && words.length > 0 && aliases === undefined)
    wrong('aliases', 'given, where there are domains');
  const chosen = NORMALIZERS.filter((each) => textsOf(normalize)?.includes(each));
  if (textsOf(normalize)?.length !== chosen.length)
    wrong('normalize', `a list of ${NORMALIZERS.join(', ')}, each once`);
  return { normalize: chosen, aliases: isHash ? aliases : null, domains: [...new Set(words)].sort() };
}

/** Null for what is no list of texts. */
function textsOf(value: unknown): readonly string[] | null {
  if (!Array.isArray(value)) return null;
  const texts = value.filter((each) => typeof each === 'string');
  return texts.length === value.length ? texts : null;
}

function isEpoch(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= LARGEST_EPOCH;
}
