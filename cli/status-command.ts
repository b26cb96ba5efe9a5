/**
 * `gauze status`: every lane with its lag, and why it stands still if it does.
 */
import { parsePolicy } from '../policy/policy-file.ts';
import type { PolicyState } from '../policy/policy-log.ts';
import { errorRow } from '../platform/errors.ts';
import { laneReports } from '../topology/lane-report.ts';
import type { LaneReport } from '../topology/lane-report.ts';
import { withPolicyLog } from './policy-log-access.ts';
import { Site } from './site.ts';
import { EXIT, note, print, styled, table } from './terminal.ts';

export interface StatusOptions {
  readonly config: string;
  readonly json: boolean;
}

/** Exit code 1 where a lane is held. */
export async function statusCommand(options: StatusOptions): Promise<number> {
  const site = await Site.load(options.config);
  const reports = await readReports(site);
  if (reports === null) {
    note('No policy has been applied yet: run `gauze apply`.');
    return EXIT.problems;
  }
  if (options.json) for (const report of reports) print(JSON.stringify(report));
  else show(reports);
  return reports.some((report) => report.state === 'held') ? EXIT.problems : EXIT.ok;
}

/** The reports of all lanes that the policies in force ask for; null where none is. */
async function readReports(site: Site): Promise<readonly LaneReport[] | null> {
  return await withPolicyLog(site, 'topology', async (state, cluster) => {
    if (!(await cluster.topic(site.names.policies))) return null;
    const topics = topicsOf(await state());
    if (topics.size === 0) return null;
    const admin = await site.admin('topology');
    try {
      await admin.connect();
      return await laneReports({ cluster, admin, names: site.names, state, topics });
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
