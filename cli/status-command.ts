/**
 * `gauze status`: every lane with its lag and why it stands still if it does, what is withheld, and who runs. All of it
 * from Kafka, so that it is true whoever runs gauze, and wherever.
 */
import { nowMs } from '../platform/clock.ts';
import { asOfAlarms } from '../policy/as-of.ts';
import { parsePolicy } from '../policy/policy-file.ts';
import type { PolicyState } from '../policy/policy-log.ts';
import { GauzeError, errorRow } from '../platform/errors.ts';
import { laneReports } from '../topology/lane-report.ts';
import type { LaneReport } from '../topology/lane-report.ts';
import { WINDOW_SECONDS, readActivity, readWithheld } from '../topology/topology-activity.ts';
import type { Activity, InstanceReport, WithheldCount } from '../topology/topology-activity.ts';
import { withPolicyLog } from './policy-log-access.ts';
import { Site } from './site.ts';
import { EXIT, note, print, report, styled, table } from './terminal.ts';

export interface StatusOptions {
  readonly config: string;
  readonly json: boolean;
}

/** How a site stands; the one JSON document of `--json`, whose names stay as they are. */
export interface Standing {
  readonly lanes: readonly LaneReport[];
  /** Null where a transaction that does not end hides the newest of the audit log. */
  readonly transactionsPerSecond: Activity['transactionsPerSecond'] | null;
  readonly instances: Activity['instances'] | null;
  /** Null where the log-in of the topology may not read them, or likewise. */
  readonly withheld: readonly WithheldCount[] | null;
  /** What a person should look at beside held lanes: errors of the table, such as policies nobody has decided about. */
  readonly alarms: readonly GauzeError[];
  /** What each of those policies would open, in sentences. */
  readonly opens: readonly string[];
}

const MS_PER_DAY = 86_400_000;
const BYTES_PER_MIB = 1_048_576;
const SECONDS_PER_MINUTE = 60;

/**
 * Exit code 1 where a lane is held, nobody runs, a policy waits in the log for a decision, or ages are told as of too long
 * ago.
 */
export async function statusCommand(options: StatusOptions): Promise<number> {
  const site = await Site.load(options.config);
  const standing = await readStanding(site);
  if (standing === null)
    throw new GauzeError('ERR_POLICY_ABSENT', { audience: 'any audience', topic: 'any topic' });
  const { lanes, alarms, opens } = standing;
  if (options.json) print(JSON.stringify(standing));
  else show(standing, site);
  for (const alarm of options.json ? [] : alarms) report(alarm, false);
  for (const sentence of options.json ? [] : opens) note(`    opens  ${sentence}`);
  const isFine = alarms.length === 0 && lanes.every(({ state }) => state !== 'held');
  return isFine ? EXIT.ok : EXIT.problems;
}

/** Null where no policy is applied. */
async function readStanding(site: Site): Promise<Standing | null> {
  return await withPolicyLog(site, 'topology', async (state, cluster) => {
    if (!(await cluster.topic(site.names.policies))) return null;
    const now = await state();
    const refused = [...now.versions.refused.values()];
    const topics = topicsOf(now);
    if (topics.size === 0 && refused.length === 0) return null;
    const admin = await site.admin('topology');
    try {
      await admin.connect();
      const { names } = site;
      const unsettled: GauzeError[] = [];
      const [lanes, activity, withheld] = await Promise.all([
        laneReports({ cluster, admin, names, state, topics }),
        unlessUnsettled(readActivity(cluster, names, nowMs()), unsettled),
        unlessUnsettled(readWithheld(cluster, names), unsettled),
      ]);
      return {
        lanes,
        transactionsPerSecond: activity?.transactionsPerSecond ?? null,
        instances: activity?.instances ?? null,
        withheld,
        alarms: [
          ...unsettled,
          ...(topics.size > 0 && activity ? nobodyAlarms(activity) : []),
          ...refused.map(
            ({ audience, code, logOffset: offset }) => new GauzeError(code, { audience, offset }),
          ),
          ...asOfAlarms(now.policies, Math.floor(nowMs() / MS_PER_DAY)),
        ],
        opens: refused.flatMap(({ opens }) => opens),
      };
    } finally {
      await admin.close();
    }
  });
}

/** Null, and the error in `unsettled`, where a log is hidden: the rest is told all the same. */
async function unlessUnsettled<T>(reading: Promise<T>, unsettled: GauzeError[]): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof GauzeError) || error.code !== 'ERR_KAFKA_UNSETTLED') throw error;
    unsettled.push(error);
    return null;
  }
}

/** That nobody does what policies in force say is wrong, whatever the lanes look like. */
export function nobodyAlarms({ instances }: Pick<Activity, 'instances'>): readonly GauzeError[] {
  return instances.length === 0 ? [new GauzeError('ERR_RUN_NOBODY', { limit: WINDOW_SECONDS })] : [];
}

function topicsOf(state: PolicyState): Map<string, readonly string[]> {
  const entries = [...state.policies.values()].map(({ audience, text }) => {
    const { topics } = parsePolicy(text, `${audience}.yaml`);
    return [audience, [...topics.keys()]] as const;
  });
  return new Map(entries);
}

function show(standing: Standing, { names }: Site): void {
  const { lanes, withheld, transactionsPerSecond, instances, alarms } = standing;
  const rows = lanes.map((lane) => [
    lane.audience,
    lane.topic,
    lane.partition,
    lane.state,
    lane.position ?? '-',
    lane.lag ?? '-',
    lane.lagSeconds === null ? '-' : duration(lane.lagSeconds),
    lane.target,
    lane.code ? `${lane.code}${lane.path ? ` at ${lane.path}` : ''}` : '',
  ]);
  const head = [
    'audience',
    'topic',
    'partition',
    'state',
    'position',
    'lag',
    'behind',
    'writes to',
    'held because',
  ];
  for (const line of table(head, rows)) print(line);
  print();
  showHeld(lanes);
  print();
  if (withheld === null && alarms.some(({ context }) => context.topic === names.withheld))
    print(`Withheld records are not known: a transaction in ${names.withheld} does not end.`);
  else if (withheld === null)
    print(
      `Withheld records are not known: the topology may not read ${names.withheld}. Run \`gauze apply\`.`,
    );
  else if (withheld.length === 0) print('No record is withheld.');
  else {
    const counts = withheld.map(({ audience, topic, code, count }) => [audience, topic, code, count]);
    for (const line of table(['audience', 'topic', 'withheld because', 'records'], counts)) print(line);
  }
  print();
  if (instances === null || transactionsPerSecond === null)
    print(`Who runs is not known: a transaction in ${names.auditEvents} does not end.`);
  else showInstances(instances, transactionsPerSecond);
}

function showHeld(lanes: readonly LaneReport[]): void {
  const held = lanes.filter(({ state }) => state === 'held');
  if (held.length === 0) return print(styled('green', `${lanes.length} lanes, none held.`));
  print(styled('red', `${lanes.length} lanes, ${held.length} held.`));
  for (const code of new Set(held.flatMap((lane) => lane.code ?? []))) {
    const { ends } = errorRow(code);
    const how = ends === 'resume' ? 'needs `gauze resume`' : 'goes on by itself once the cause is gone';
    print(`${code}: ${how}. docs/reference/errors.md says what to do.`);
  }
}

function showInstances(instances: readonly InstanceReport[], transactionsPerSecond: number): void {
  if (instances.length === 0)
    return print(styled('yellow', `No instance has given a sign of life for ${WINDOW_SECONDS} s.`));
  const rows = instances.map(({ id, lanes, held, grants, memoryBytes }) => {
    const memory = memoryBytes === null ? '-' : `${Math.round(memoryBytes / BYTES_PER_MIB)} MiB`;
    return [id, lanes, held, grants, memory];
  });
  for (const line of table(['instance', 'lanes', 'held', 'grants', 'memory'], rows)) print(line);
  print(`${transactionsPerSecond} transactions per second, in the last ${WINDOW_SECONDS} s.`);
}

/** `0 s`, `4.2 s`, `7 min`, `3 h`, `2 d`. */
export function duration(seconds: number): string {
  const minutes = seconds / SECONDS_PER_MINUTE;
  if (minutes < 2) return `${seconds < 10 ? seconds : Math.round(seconds)} s`;
  if (minutes < 120) return `${Math.round(minutes)} min`;
  const hours = minutes / 60;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} d`;
}
