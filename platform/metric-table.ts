/**
 * Every metric of gauze, described once: name, kind, meaning, unit, labels. metrics.ts makes them, and
 * docs/reference/metrics.md is made from this table. No label ever takes a value of a record: labels are names of topics
 * and audiences that the policies know, codes of the table of errors, and closed lists.
 */

export type MetricKind = 'counter' | 'gauge' | 'histogram';

/** What a label can say. */
export const LABELS = {
  topic: 'raw topics that the policies in force name',
  partition: 'their partitions',
  audience: 'audiences of the policies in force, and `index`',
  outcome: '`published` or `withheld`',
  stage: '`decode`, `mask`, `publish` or `person`',
  error_code: 'codes of [the table of errors](errors.md)',
  result: '`committed` or `failed`',
  policy_version: 'versions of policies in force',
  role: 'roles of `gauze run`',
  decision: '`approve` or `deny`',
  kind: 'kinds of what the provisioner reports',
  version: 'the version of gauze',
  worker: 'numbers of workers, from 0',
} as const;

export type LabelName = keyof typeof LABELS;

export interface MetricRow {
  readonly kind: MetricKind;
  readonly help: string;
  readonly labels: readonly LabelName[];
  /** Of a histogram, in seconds. */
  readonly buckets?: readonly number[];
  /** Which roles have it. */
  readonly roles: readonly ('topology' | 'approvals' | 'provisioner' | 'sealer' | 'supervisor')[];
}

/** `supervisor` is the process over the workers of `gauze run --workers`. */
const EVERY_ROLE = ['topology', 'approvals', 'provisioner', 'sealer', 'supervisor'] as const;
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export const METRICS = {
  gauze_build_info: {
    kind: 'gauge',
    help: 'Always 1: which gauze runs here, in which role.',
    labels: ['version', 'role'],
    roles: EVERY_ROLE,
  },
  gauze_trouble_total: {
    kind: 'counter',
    help: 'Troubles that the process waits out or tells of, by code.',
    labels: ['error_code'],
    roles: EVERY_ROLE,
  },
  gauze_workers: {
    kind: 'gauge',
    help: 'Workers that have started and not ended.',
    labels: [],
    roles: ['supervisor'],
  },
  gauze_worker_restarts_total: {
    kind: 'counter',
    help: 'Times that a worker ended by itself and was started again.',
    labels: ['worker'],
    roles: ['supervisor'],
  },
  phi_records_total: {
    kind: 'counter',
    help: 'Raw records that lanes have read and committed, each with its one outcome. Index lanes publish tokens only.',
    labels: ['topic', 'audience', 'outcome'],
    roles: ['topology'],
  },
  phi_withheld_total: {
    kind: 'counter',
    help: 'Records that were not published, by what was wrong with them.',
    labels: ['audience', 'stage', 'error_code'],
    roles: ['topology'],
  },
  phi_read_bytes_total: {
    kind: 'counter',
    help: 'Bytes of the raw values read.',
    labels: ['topic', 'audience'],
    roles: ['topology'],
  },
  phi_transactions_total: {
    kind: 'counter',
    help: 'Transactions of lanes with records in them, and sessions of lanes that ended in trouble.',
    labels: ['result'],
    roles: ['topology'],
  },
  phi_transaction_duration_seconds: {
    kind: 'histogram',
    help: 'From the first record of a transaction to its commit.',
    labels: [],
    buckets: SECONDS,
    roles: ['topology'],
  },
  phi_delay_seconds: {
    kind: 'histogram',
    help: 'From the time of the newest record of a transaction to its commit; clocks of producers count in.',
    labels: ['audience'],
    buckets: SECONDS,
    roles: ['topology'],
  },
  phi_lanes: {
    kind: 'gauge',
    help: 'Lanes of this instance.',
    labels: [],
    roles: ['topology'],
  },
  phi_lane_held: {
    kind: 'gauge',
    help: 'Lanes of this instance that stand still until somebody mends what they wait for.',
    labels: [],
    roles: ['topology'],
  },
  phi_holds_total: {
    kind: 'counter',
    help: 'Times that a lane or a grant came to stand still, by why.',
    labels: ['error_code'],
    roles: ['topology'],
  },
  phi_lane_lag_records: {
    kind: 'gauge',
    help: 'Offsets between the committed position of a lane and the end of its raw partition; markers count too.',
    labels: ['topic', 'partition', 'audience'],
    roles: ['topology'],
  },
  phi_policy_in_force_info: {
    kind: 'gauge',
    help: 'Always 1: which version of its policy each audience is served by.',
    labels: ['audience', 'policy_version'],
    roles: ['topology'],
  },
  phi_policy_as_of_age_days: {
    kind: 'gauge',
    help: 'How long ago the day is as of which an audience is told ages; over 365 under Safe Harbor is an alarm.',
    labels: ['audience'],
    roles: ['topology'],
  },
  gauze_grants: {
    kind: 'gauge',
    help: 'Grants that have a task on this instance.',
    labels: [],
    roles: ['topology'],
  },
  phi_approvals_total: {
    kind: 'counter',
    help: 'Decisions of people that this instance has put on record.',
    labels: ['decision'],
    roles: ['approvals'],
  },
  gauze_provisioned_total: {
    kind: 'counter',
    help: 'What the provisioner has done about topics and rights of grants.',
    labels: ['kind'],
    roles: ['provisioner'],
  },
  gauze_seals_total: {
    kind: 'counter',
    help: 'Seals of the audit topics made by this instance.',
    labels: [],
    roles: ['sealer'],
  },
  gauze_seal_alarms: {
    kind: 'gauge',
    help: 'Alarms in the newest seal.',
    labels: [],
    roles: ['sealer'],
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;
