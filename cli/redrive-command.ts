/**
 * `gauze redrive`: publishes withheld records after the cause is mended. It works with the log-in and the keys of the
 * topology and is on record like a lane; it tells counts and codes, and nothing of a record.
 */
import { assertNoIdentifier } from '../approvals/free-text.ts';
import { AliasLists } from '../keys/alias-lists.ts';
import { GauzeError } from '../platform/errors.ts';
import { PolicyLog } from '../policy/policy-log.ts';
import { controlSchemaIds } from '../topology/control-schemas.ts';
import { Dictionaries } from '../topology/dictionary-reader.ts';
import type { LaneContext } from '../topology/lane-context.ts';
import { PlanStore } from '../topology/plan-store.ts';
import { Redrive } from '../topology/redrive.ts';
import type { RedrivePlan, RedriveRequest } from '../topology/redrive.ts';
import type { RedriveOutcome } from '../topology/redrive-parts.ts';
import { auditProgress } from './audit-progress.ts';
import { timeOf } from './audit-query-command.ts';
import { loggedInPerson } from './policy-question.ts';
import { limitsOf, targetSettings } from './run-topology.ts';
import { Site } from './site.ts';
import { EXIT, note, print, table } from './terminal.ts';

export interface RedriveOptions {
  readonly config: string;
  readonly json: boolean;
  readonly audience: string;
  readonly topic: string;
  readonly code?: string;
  readonly from?: string;
  readonly to?: string;
  readonly dryRun: boolean;
  readonly reason: string;
}

type Counts = Record<RedriveOutcome, number>;

/** What became of what was asked for. */
interface Tally {
  readonly counts: Counts;
  /** Of everything that stays withheld, by why. */
  readonly left: Map<string, number>;
}

const WITHHELD_CODE = /^ERR_[A-Z_]{3,60}$/;

/** Exit code 0 where nothing asked for is withheld any more, 3 where something is, 130 after Ctrl-C. */
export async function redriveCommand(options: RedriveOptions): Promise<number> {
  const filter = filterOf(options);
  const site = await Site.load(options.config);
  const interrupted = new AbortController();
  const stop = (): void => interrupted.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  try {
    return await withContext(site, interrupted.signal, async (context) => {
      const request = { ...filter, by: options.dryRun ? '' : await asker(site) };
      const redrive = await Redrive.of(context, request);
      try {
        const plans = await redrive.plan(interrupted.signal);
        if (options.dryRun) return showPlans(plans, options.json);
        const tally = await run(redrive, plans, interrupted.signal);
        return showTally(tally, options.json, interrupted.signal.aborted);
      } finally {
        redrive.close();
      }
    });
  } catch (thrown) {
    if (interrupted.signal.aborted && !(thrown instanceof GauzeError)) return EXIT.interrupted;
    throw thrown;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, stop);
  }
}

async function run(redrive: Redrive, plans: readonly RedrivePlan[], drain: AbortSignal): Promise<Tally> {
  const counts: Counts = { published: 0, withheld: 0, blocked: 0, superseded: 0, gone: 0 };
  const left = new Map<string, number>();
  const all = plans.reduce((sum, { wanted }) => sum + recordsOf(wanted), 0);
  const progress = auditProgress();
  let done = 0;
  try {
    for (const { partition } of plans) {
      if (drain.aborted) break;
      await redrive.run(
        partition,
        (_, outcome, code, count) => {
          counts[outcome] += count;
          if (outcome !== 'published') left.set(code, (left.get(code) ?? 0) + count);
          progress.tell((done += count), all);
        },
        drain,
      );
    }
  } finally {
    progress.end();
  }
  return { counts, left };
}

function showPlans(plans: readonly RedrivePlan[], json: boolean): number {
  if (json) {
    print(
      JSON.stringify({
        dryRun: true,
        partitions: plans.map(({ partition, wanted, gone }) => ({
          partition,
          withheld: recordsOf(wanted),
          codes: Object.fromEntries(wanted),
          gone,
        })),
      }),
    );
    return EXIT.ok;
  }
  if (plans.length === 0) print('Nothing is withheld of what you ask for.');
  else {
    const rows = plans.flatMap(({ partition, wanted }) =>
      [...wanted].map(([code, count]) => [partition, count, code] as const),
    );
    for (const line of table(['partition', 'withheld', 'code'], rows)) print(line);
    const gone = plans.reduce((sum, each) => sum + each.gone, 0);
    if (gone > 0) print(`${gone} of them are no longer in the raw topic.`);
  }
  return EXIT.ok;
}

function showTally({ counts, left }: Tally, json: boolean, isInterrupted: boolean): number {
  const { published, ...others } = counts;
  const stays = Object.values(others).reduce((sum, each) => sum + each, 0);
  if (json) print(JSON.stringify({ interrupted: isInterrupted, ...counts, codes: Object.fromEntries(left) }));
  else {
    if (published + stays === 0 && !isInterrupted) print('Nothing is withheld of what you ask for.');
    else print(`${published} published, ${stays} stay withheld.`);
    for (const line of left.size > 0
      ? table(
          ['withheld', 'why'],
          [...left].map(([code, n]) => [n, code]),
        )
      : [])
      print(line);
  }
  if (isInterrupted) {
    note('Interrupted; what is published stays published. Run it again for the rest.');
    return EXIT.interrupted;
  }
  return stays > 0 ? EXIT.waiting : EXIT.ok;
}

function filterOf({ audience, topic, code, from, to, reason }: RedriveOptions): Omit<RedriveRequest, 'by'> {
  if (code !== undefined && !WITHHELD_CODE.test(code))
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--code', expected: 'a code as gauze names it' });
  if (reason !== '') assertNoIdentifier(reason, '--reason');
  return {
    audience,
    topic,
    code: code ?? null,
    fromMs: from === undefined ? null : timeOf('--from', from),
    toMs: to === undefined ? null : timeOf('--to', to),
    reason,
  };
}

/** The person who has logged in, else the owner of the topology's log-in, else that itself. */
async function asker(site: Site): Promise<string> {
  const { topology } = site.principals;
  return (await loggedInPerson(site))?.id ?? site.config.owners[topology] ?? topology;
}

/** What lanes share, for one that a command runs. */
async function withContext(
  site: Site,
  signal: AbortSignal,
  work: (context: LaneContext) => Promise<number>,
): Promise<number> {
  const { names, siteTags, config } = site;
  const [cluster, admin] = [await site.cluster('topology'), await site.admin('topology')];
  const [registry, keyring] = [await site.registry(), await site.keyring()];
  const policyLog = new PolicyLog(cluster, names.policies, names.access);
  const aliasLists = new AliasLists(config.persons.aliasFile ?? null);
  const nothing = (): void => undefined;
  try {
    await cluster.start();
    await admin.connect();
    await policyLog.readToEnd(signal);
    const limits = limitsOf(site);
    return await work({
      cluster,
      names,
      policyLog,
      plans: new PlanStore({ registry, keyring, aliasLists, siteTags, policyLog }),
      keyring,
      auditKey: keyring.auditWriter('topology'),
      limits,
      membershipRoots: config.audit.membershipRoots,
      schemaIds: await controlSchemaIds(registry, names),
      principal: site.principals.topology,
      events: { committed: nothing, held: nothing, released: nothing, trouble: nothing },
      dictionaries: new Dictionaries(signal),
      lingerMs: () => limits.lingerMs,
      batchBytes: () => limits.batchBytes,
      // It has readers of its own, and belongs to no group.
      reader: () => {
        throw new GauzeError('ERR_INTERNAL', { causeName: 'RedriveReader' });
      },
      targetSettings: async (topic) => await targetSettings(admin, topic),
      stillHolds: async () => await Promise.resolve(false),
    });
  } finally {
    policyLog.close();
    await admin.close();
    await cluster.close();
  }
}

function recordsOf(wanted: ReadonlyMap<string, number>): number {
  return [...wanted.values()].reduce((sum, each) => sum + each, 0);
}
