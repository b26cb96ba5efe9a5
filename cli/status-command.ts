/**
 * `gauze status`: every lane with its lag, and why it stands still if it does.
 */
import { nowMs } from '../platform/clock.ts';
import { asOfAlarms } from '../policy/as-of.ts';
import { parsePolicy } from '../policy/policy-file.ts';
import type { RefusedPolicy } from '../policy/policies-in-force.ts';
import type { PolicyState } from '../policy/policy-log.ts';
import { GauzeError, errorRow } from '../platform/errors.ts';
import { laneReports } from '../topology/lane-report.ts';
import type { LaneReport } from '../topology/lane-report.ts';
import { withPolicyLog } from './policy-log-access.ts';
import { Site } from './site.ts';
import { EXIT, note, print, report, styled, table } from './terminal.ts';

export interface StatusOptions {
  readonly config: string;
  readonly json: boolean;
}

/** What the policies in force ask for, and versions that are not in force because nobody has decided about them. */
interface Standing {
  readonly lanes: readonly LaneReport[];
  readonly refused: readonly RefusedPolicy[];
  /** Policies under Safe Harbor that tell ages as of too long ago. */
  readonly aged: readonly GauzeError[];
}

const MS_PER_DAY = 86_400_000;

/** Exit code 1 where a lane is held, a policy waits in the log for a decision, or ages are told as of too long ago. */
export async function statusCommand(options: StatusOptions): Promise<number> {
  const site = await Site.load(options.config);
  const standing = await readStanding(site);
  if (standing === null) {
    note('No policy has been applied yet: run `gauze apply`.');
    return EXIT.problems;
  }
  const { lanes, refused, aged } = standing;
  if (options.json) for (const lane of lanes) print(JSON.stringify(lane));
  else show(lanes);
  for (const policy of refused) tellRefused(policy, options.json);
  for (const error of aged) report(error, options.json);
  const isFine = refused.length === 0 && aged.length === 0 && lanes.every(({ state }) => state !== 'held');
  return isFine ? EXIT.ok : EXIT.problems;
}

function tellRefused({ audience, code, logOffset, opens }: RefusedPolicy, json: boolean): void {
  report(new GauzeError(code, { audience, offset: logOffset }), json);
  if (!json) for (const sentence of opens) note(`    opens  ${sentence}`);
}

/** Null where no policy is applied. */
async function readStanding(site: Site): Promise<Standing | null> {
  return await withPolicyLog(site, 'topology', async (state, cluster) => {
    if (!(await cluster.topic(site.names.policies))) return null;
    const now = await state();
    const refused = [...now.versions.refused.values()];
    const topics = topicsOf(now);
    if (topics.size === 0 && refused.length === 0) return null;
    const aged = asOfAlarms(now.policies, Math.floor(nowMs() / MS_PER_DAY));
    const admin = await site.admin('topology');
    try {
      await admin.connect();
      const lanes = await laneReports({ cluster, admin, names: site.names, state, topics });
      return { lanes, refused, aged };
    } finally {
      await admin.close();
    }
  });
}

function topicsOf(state: PolicyState): Map<string, readonly string[]> {
  const entries = [...state.policies.values()].map(({ audience, text }) => {
    const { topics } = parsePolicy(text, `${audience}.yaml`);
    return [audience, [...topics.keys()]] as const;
  });
  return new Map(entries);
}

function show(reports: readonly LaneReport[]): void {
  const rows = reports.map(({ audience, topic, partition, state, position, lag, code, path }) => [
    audience,
    topic,
    partition,
    state,
    position ?? '-',
    lag ?? '-',
    code ? `${code}${path ? ` at ${path}` : ''}` : '',
  ]);
  for (const line of table(
    ['audience', 'topic', 'partition', 'state', 'position', 'lag', 'held because'],
    rows,
  )) {
    print(line);
  }
  const held = reports.filter((report) => report.state === 'held');
  print();
  if (held.length === 0) return print(styled('green', `${reports.length} lanes, none held.`));
  print(styled('red', `${reports.length} lanes, ${held.length} held.`));
  for (const code of new Set(held.map((report) => report.code!))) {
    const { ends } = errorRow(code);
    const how = ends === 'resume' ? 'needs `gauze resume`' : 'goes on by itself once the cause is gone';
    print(`${code}: ${how}. docs/reference/errors.md says what to do.`);
  }
}
