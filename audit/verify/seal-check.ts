/**
 * The log of seals by itself: numbers, links, sizes that never shrink, settings that stay, truncations that were
 * declared. What a seal says of events is compared by others.
 */
import type { PhiAuditSeal, SealedPartition } from '../../schemas/seal-codecs.ts';
import { SEAL_ALARMS } from '../sealer/alarms.ts';
import type { SealAlarmCode } from '../sealer/alarms.ts';
import type { Findings } from './finding.ts';

/** What is kept of the last seal. */
interface LastSeal {
  readonly n: number;
  readonly hash: string;
  readonly sealedAtMs: number;
  readonly intervalMs: number;
  readonly config: string;
  readonly partitions: readonly (readonly [string, { readonly size: number; readonly nextOffset: number }])[];
}

export interface SealsJson {
  readonly last: LastSeal | null;
  readonly alarms: readonly string[];
}

/** Intervals after which a seal is overdue. */
const STALE_INTERVALS = 3;

export class SealCheck {
  private readonly findings: Findings;
  private readonly origin: string | null;
  private readonly clusterId: string;
  private readonly alarms: Set<string>;
  private last: LastSeal | null;

  constructor(findings: Findings, origin: string | null, clusterId: string, json?: SealsJson) {
    this.findings = findings;
    this.origin = origin;
    this.clusterId = clusterId;
    this.last = json?.last ?? null;
    this.alarms = new Set(json?.alarms ?? []);
  }

  get lastSealedAtMs(): number | null {
    return this.last?.sealedAtMs ?? null;
  }

  /** How long may pass until a seal is overdue; null without any. */
  get patienceMs(): number | null {
    return this.last && STALE_INTERVALS * this.last.intervalMs;
  }

  accept(seal: PhiAuditSeal, leaf: Buffer): void {
    const place = { seal: seal.n };
    const { last } = this;
    const due = last ? last.n + 1 : 0;
    if (seal.n !== due) this.findings.add('SEAL_SEQ', place, `number ${seal.n} where ${due} is due`);
    if (seal.prev_seal_hash.toString('hex') !== (last?.hash ?? '0'.repeat(64)))
      this.findings.add('SEAL_PREV_HASH', place, last ? `after ${last.n}` : 'before it there is none');
    const isOurs =
      seal.cluster_id === this.clusterId && (this.origin === null || seal.origin === this.origin);
    if (!isOurs) this.findings.add('SEAL_IDENTITY', place, `of ${seal.origin}`);
    const before = new Map(last?.partitions ?? []);
    for (const sealed of seal.partitions) this.shrinks(sealed, before, seal.n);
    const config = seal.topic_config_sha256.toString('hex');
    if (last && last.config !== config) this.findings.add('TOPIC_CONFIG', place, `since seal ${last.n}`);
    this.tellAlarms(seal);
    this.last = {
      n: seal.n,
      hash: leaf.toString('hex'),
      sealedAtMs: seal.sealed_at / 1000,
      intervalMs: seal.interval_ms,
      config,
      partitions: seal.partitions.map((each) => [
        keyOf(each),
        { size: each.tree_size, nextOffset: each.next_offset },
      ]),
    };
  }

  private shrinks(
    sealed: SealedPartition,
    before: ReadonlyMap<string, { readonly size: number; readonly nextOffset: number }>,
    n: number,
  ): void {
    const { topic, partition, tree_size: size, next_offset: nextOffset } = sealed;
    const was = before.get(keyOf(sealed));
    if (!was || (size >= was.size && nextOffset >= was.nextOffset)) return;
    this.findings.add('SEAL_SHRANK', { seal: n, topic, partition }, `${size} events after ${was.size}`);
  }

  private tellAlarms(seal: PhiAuditSeal): void {
    for (const { code, place, detail } of seal.alarms) {
      const key = `${code} ${place}`;
      if (this.alarms.has(key)) continue;
      this.alarms.add(key);
      const where = [place, detail ?? ''].filter((text) => text !== '').join(': ');
      const words = `${code}, ${wordsOf(code)}`;
      this.findings.add('SEAL_ALARM', { seal: seal.n }, where === '' ? words : `${words} (${where})`);
    }
  }

  finish(asOfMs: number): void {
    const { last } = this;
    if (!last) return this.findings.once('NO_SEALS', {}, 'the log of seals is empty or missing');
    const ageMs = asOfMs - last.sealedAtMs;
    if (ageMs > STALE_INTERVALS * last.intervalMs)
      this.findings.once('STALE_SEAL', { seal: last.n }, `${Math.round(ageMs / 1000)} s old`);
  }

  toJSON(): SealsJson {
    return { last: this.last, alarms: [...this.alarms] };
  }
}

/** What an alarm means; of a later sealer's words nobody here knows more than the code. */
function wordsOf(code: string): string {
  return Object.hasOwn(SEAL_ALARMS, code)
    ? SEAL_ALARMS[code as SealAlarmCode]
    : 'of a kind that is not known here';
}

function keyOf({ topic, topic_id: id, partition }: SealedPartition): string {
  return `${topic} ${id.toString('hex')} ${partition}`;
}
