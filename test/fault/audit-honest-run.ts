/**
 * One honest run of a site with all that goes wrong without anybody's ill will: instances killed, stopped in their
 * tracks, joining and leaving, sealers and the witness killed, session keys and the key of subject tokens replaced,
 * in an order that a seed decides. The verifier looks on all the while.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import type { AuditReport } from '../../audit/verify/report.ts';
import type { KafkaAdmin } from '../../kafka/admin.ts';
import { randomFrom } from '../support/audit-log-maker.ts';
import { eventually, withAdmin } from '../support/stack.ts';
import { auditNow } from '../support/tamper/live-scene.ts';
import { LiveSite, told } from '../support/tamper/live-site.ts';
import { TamperLog } from '../support/tamper/tamper-log.ts';
import { AUDIENCES } from '../support/test-site.ts';
import type { RunningInstance } from '../support/test-site.ts';

/** What a run has come to. */
export interface HonestRun {
  readonly seed: number;
  /** How often the verifier looked. */
  readonly looks: number;
  /** What was done, in order. */
  readonly faults: readonly string[];
  readonly seconds: number;
  readonly fed: number;
  /** Audit records that were archived and removed. */
  readonly pruned: number;
  readonly report: AuditReport;
  /** Findings that no honest run may have, at its end or at any look before. */
  readonly falseAlarms: readonly string[];
  readonly rotated: number;
}

/** Every hundredth seal allows to prune: there is one in each run. */
const INTERVAL_MS = 250;
const FRONTIER_EVERY = 100;
const TOPICS = ['clinical.patients', 'clinical.encounters'] as const;
/**
 * What passes when all is quiet again; everything else stays, and is wrong at any moment. Cosignatures are missing as
 * well while the witness is away, and that passes too.
 */
const PASSING = new Set(['UNSEALED', 'STALE', 'DECLARED']);
/** A sealer tells of a witness that does not answer: that is so while it is killed. */
const TRUE_ALARMS = /^WITNESS_SILENT\b/;

export async function honestRun(seed: number): Promise<HonestRun> {
  const began = performance.now();
  const live = await LiveSite.make({
    topics: TOPICS,
    partitions: 2,
    config: "limits: { batchBytes: 32768, lingerMs: 20 }\nowners: { 'User:gauze-admin': carol }",
    sealIntervalMs: INTERVAL_MS,
    isPrunable: true,
  });
  try {
    const { play, report } = await withAdmin(async (admin) => {
      const played = new Play(live, seed, admin);
      await played.run();
      return { play: played, report: await played.settled() };
    });
    return {
      seed,
      looks: play.looks,
      faults: play.faults,
      seconds: Math.round((performance.now() - began) / 1000),
      fed: play.fed,
      pruned: play.pruned,
      rotated: play.rotated,
      report,
      falseAlarms: [...play.falseAlarms],
    };
  } finally {
    await live.close();
  }
}

type Fault = (play: Play) => Promise<void>;

/** Each is in every run; those that matter most are in it twice. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'instance killed': async (play) => await play.killInstance(),
  'instance killed again': async (play) => await play.killInstance(),
  'instance joins': async (play) => await play.join(),
  'instance leaves': async (play) => await play.leave(),
  'instance stopped in its tracks': async (play) => await play.freeze(),
  'session keys replaced': async (play) => await play.replaceSessionKeys(),
  'subject token key replaced': async (play) => await play.replaceSubjectTokens(),
  'sealer killed': async (play) => await play.killSealer(),
  'witness killed': async (play) => await play.killWitness(),
  'beginning pruned': async (play) => await play.prune(),
};

export const FAULT_NAMES: readonly string[] = Object.keys(FAULTS);

class Play {
  looks = 0;
  /** Records that were removed from the audit topics. */
  pruned = 0;
  /** Session keys replaced: counted when they are, since the events may be pruned later. */
  rotated = 0;
  readonly faults: string[] = [];
  readonly falseAlarms = new Set<string>();
  fed = 0;
  private readonly live: LiveSite;
  private readonly seed: number;
  private readonly random: (below: number) => number;
  private instances: RunningInstance[] = [];
  private sealers: RunningInstance[] = [];
  private readonly admin: KafkaAdmin;
  private archive: string | null = null;

  constructor(live: LiveSite, seed: number, admin: KafkaAdmin) {
    this.live = live;
    this.admin = admin;
    this.seed = seed;
    this.random = randomFrom(seed);
  }

  async run(): Promise<void> {
    const { site } = this.live;
    await site.apply();
    this.sealers = [site.run('sealer'), site.run('sealer')];
    await this.feed(60);
    this.instances = [this.live.topology()];
    await this.progress();
    for (const name of this.shuffled(FAULT_NAMES)) {
      await this.feed(20 + this.random(60));
      await sleep(this.random(800));
      this.faults.push(name);
      await FAULTS[name]!(this);
      if (this.random(3) === 0) await this.look();
    }
    await this.feed(20);
  }

  /** Everything read, sealed, cosigned and quiet; the last report. */
  async settled(): Promise<AuditReport> {
    await this.live.site.caughtUp(120_000);
    return await eventually(async () => {
      const report = await this.look();
      const { unsealed, seals, cosignedSeals } = report.totals;
      if (this.falseAlarms.size > 0) return report;
      if (unsealed > 0 || cosignedSeals < seals || told(report).length > 0)
        throw new Error(
          `not quiet: ${JSON.stringify(report)}\n${this.live.site.lastInstance().log.slice(-2_000)}`,
        );
      return report;
    }, 90_000);
  }

  /** Verifies, and keeps what no honest run may show. */
  async look(): Promise<AuditReport> {
    const archive = this.archive === null ? [] : ['--archive', this.archive];
    const { report } = await this.live.verify(...archive);
    this.looks += 1;
    for (const { class: cls, name, place, detail } of report.findings) {
      const isTrue = name === 'SEAL_ALARM' ? TRUE_ALARMS.test(detail) : PASSING.has(cls);
      const isFalse = !isTrue && name !== 'NO_COSIGNATURE';
      if (isFalse) this.falseAlarms.add(`${cls} ${name} ${JSON.stringify(place)} ${detail}`);
    }
    return report;
  }

  async killInstance(): Promise<void> {
    await this.instances.shift()!.end('SIGKILL');
    this.instances.push(this.live.topology());
    await this.progress();
  }

  async join(): Promise<void> {
    this.instances.push(this.live.topology());
    await this.progress();
  }

  /** The oldest leaves in order; another one takes over, or takes its place. */
  async leave(): Promise<void> {
    const leaving = this.instances.shift()!;
    if (this.instances.length === 0) this.instances.push(this.live.topology());
    await leaving.end('SIGTERM');
    await this.progress();
  }

  /** Long enough for another instance to take the partitions over; then it goes on, and has to find that out. */
  async freeze(): Promise<void> {
    const frozen = this.instances[0]!;
    frozen.process.kill('SIGSTOP');
    const other = this.live.topology();
    this.instances.push(other);
    await sleep(500 + this.random(8_000));
    frozen.process.kill('SIGCONT');
    await this.progress();
  }

  /** Each process's clock of durations leaps by sixteen minutes: every session key is due. */
  async replaceSessionKeys(): Promise<void> {
    // Before it has loaded what hears it, this signal would end a process.
    for (const instance of this.instances)
      await eventually(async () => {
        await Promise.resolve();
        if (!instance.log.includes('instance started')) throw new Error(`not started: ${instance.log}`);
      }, 120_000);
    const before = await this.rotations();
    await eventually(async () => {
      for (const { process } of this.instances) process.kill('SIGUSR2');
      await this.feed(30);
      await this.progress();
      // Lanes that moved to another instance meanwhile began with new keys and replaced none.
      this.rotated = (await this.rotations()) - before;
      if (this.rotated <= 0) throw new Error('no session key was replaced');
    }, 120_000);
  }

  private async rotations(): Promise<number> {
    const { events } = new TamperLog(await auditNow(this.live));
    return events.filter(({ event }) => event.type === 'key.rotated').length;
  }

  /** As its message says: the new keyring, and then these are started again. */
  async replaceSubjectTokens(): Promise<void> {
    const { code, stderr } = await this.live.site.gauze('keys', 'rotate', 'subject-tokens');
    if (code !== 0) throw new Error(`the key was not replaced: ${stderr}`);
    for (const instance of this.instances) await instance.end('SIGTERM');
    this.instances = [this.live.topology()];
    await this.progress();
  }

  /** Whichever was started first seals, or waits; the other goes on, and a new one stands by. */
  async killSealer(): Promise<void> {
    await this.sealers.shift()!.end('SIGKILL');
    this.sealers.push(this.live.site.run('sealer'));
  }

  async killWitness(): Promise<void> {
    await this.live.witness!.end('SIGKILL');
    await sleep(this.random(2_000));
    await this.live.startWitness();
  }

  /** Archives what is sealed and removes it, as soon as a seal allows it and every lane has gone on behind it. */
  async prune(): Promise<void> {
    const { site } = this.live;
    const archive = join(site.directory, 'archive');
    await eventually(async () => {
      const { code, stdout, stderr } = await site.gauze('audit', 'archive', '--dir', archive, '--json');
      if (code !== 0 || (JSON.parse(stdout) as { seal: number }).seal < FRONTIER_EVERY)
        throw new Error(`no seal to prune at: ${stdout} ${stderr}`);
    }, 120_000);
    await eventually(async () => {
      await this.feed(20);
      const before = ['--before', String(FRONTIER_EVERY), '--reason', 'room on the disk'];
      const { code, stdout, stderr } = await site.gauze(
        'audit',
        'prune',
        ...before,
        '--archive',
        archive,
        '--json',
      );
      if (code !== 0) throw new Error(`not pruned: ${stderr}`);
      this.pruned = (JSON.parse(stdout) as { cuts: readonly { records: number }[] }).cuts.reduce(
        (sum, { records }) => sum + records,
        0,
      );
    }, 120_000);
    this.archive = archive;
  }

  private async feed(patients: number): Promise<void> {
    const seed = this.seed * 1_000 + this.fed;
    this.fed += await this.live.site.feed(generateHospital({ patients, seed }));
  }

  /** Some lane has gone on; no more is asked, so that the next thing happens in the middle of work. */
  private async progress(): Promise<void> {
    const before = (await this.positions()).sum;
    await eventually(async () => {
      const { sum, isDone } = await this.positions();
      if (sum <= before && !isDone)
        throw new Error(`no lane goes on: ${this.instances.at(-1)?.log.slice(-2_000)}`);
    }, 120_000);
  }

  /** Where groups stand, asked of Kafka. */
  private async positions(): Promise<{ readonly sum: number; readonly isDone: boolean }> {
    const { admin } = this;
    const { names, raw } = {
      names: this.live.site.names,
      raw: TOPICS.map((topic) => this.live.site.raw(topic)),
    };
    const ends = (await Promise.all(raw.map(async (topic) => await admin.topicEndOffsets(topic)))).flat();
    const end = ends.reduce((all, { high }) => all + Number(high), 0);
    const groups = [...AUDIENCES, 'index'].map((audience) => names.audienceGroup(audience));
    const offsets = await Promise.all(groups.map(async (group) => await admin.fetchGroupOffsets(group, raw)));
    const sum = offsets.flat().reduce((all, { offset }) => all + Math.max(0, Number(offset)), 0);
    return { sum, isDone: sum >= end * groups.length };
  }

  private shuffled(names: readonly string[]): string[] {
    const rest = [...names];
    return names.map(() => rest.splice(this.random(rest.length), 1)[0]!);
  }
}
