/**
 * What a topology tells of itself, to the log and to the metrics. Names, counts and codes only.
 */
import { nowMs } from '../platform/clock.ts';
import { errorRow } from '../platform/errors.ts';
import type { ErrorCode, GauzeError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { asOfAlarms } from '../policy/as-of.ts';
import type { InstanceEvents } from '../topology/instance-options.ts';
import type { Instance } from '../topology/instance.ts';
import type { CommittedTransaction, LaneName } from '../topology/lane-context.ts';

const MS_PER_DAY = 86_400_000;

export function topologyEvents(log: Logger, metrics: Metrics, grantsTopic: string): InstanceEvents {
  const trouble = ({ code }: GauzeError): void => metrics.count('gauze_trouble_total', { error_code: code });
  const held = ({ code }: GauzeError): void => metrics.count('phi_holds_total', { error_code: code });
  return {
    // Raw partitions: those of gauze.grants are no work by themselves.
    assigned: (partitions) =>
      log.info('partitions assigned', {
        count: partitions.filter(({ topic }) => topic !== grantsTopic).length,
      }),
    laneStarted: (lane) => log.debug('lane started', { ...lane }),
    laneEnded: (lane) => log.debug('lane ended', { ...lane }),
    laneTakenOver: (lane) => log.info('lane is taken over by another instance', { ...lane }),
    committed: (lane, transaction) => countTransaction(metrics, lane, transaction),
    held: (lane, error) => {
      held(error);
      log.error('lane held', { ...lane, error });
    },
    released: (lane) => log.info('lane goes on', { ...lane }),
    trouble: (lane, error) => {
      trouble(error);
      metrics.count('phi_transactions_total', { result: 'failed' });
      log.warn('lane waits', { ...lane, error });
    },
    grantOpened: (grant) => log.info('grant opened', { grant }),
    grantStopped: (grant, reason) => log.info('grant delivers nothing more', { grant, outcome: reason }),
    grantHeld: (grant, error) => {
      held(error);
      log.error('grant held', { grant, error });
    },
    grantTrouble: (grant, error) => {
      trouble(error);
      log.warn('grant waits', { grant, error });
    },
    grantTopicRemoved: (grant) => log.info('grant topic removed', { grant }),
    instanceTrouble: (error) => {
      trouble(error);
      log.warn('instance in trouble', { error });
    },
  };
}

/** Days since 1970-01-01. */
function today(): number {
  return Math.floor(nowMs() / MS_PER_DAY);
}

/** Tells of policies under Safe Harbor whose ages are told as of too long ago. */
export function tellAged(log: Logger, instance: Instance): void {
  for (const error of asOfAlarms(instance.policiesInForce(), today()))
    log.error('ages are told as of too long ago', { audience: error.context.audience ?? '', error });
}

/** What is read from the instance whenever somebody looks. */
export function readInstance(metrics: Metrics, instance: Instance): void {
  metrics.read('phi_lanes', () => [{ labels: {}, value: instance.laneStandings().length }]);
  metrics.read('phi_lane_held', () => [
    { labels: {}, value: instance.laneStandings().filter(({ isHeld }) => isHeld).length },
  ]);
  metrics.read('phi_lane_lag_records', () =>
    instance.laneStandings().flatMap(({ lane: { topic, partition, audience }, lag }) => {
      const labels = { topic, partition: String(partition), audience };
      return lag === null ? [] : [{ labels, value: lag }];
    }),
  );
  metrics.read('phi_policy_in_force_info', () =>
    [...instance.policiesInForce()].map(([audience, { version }]) => ({
      labels: { audience, policy_version: String(version) },
      value: 1,
    })),
  );
  metrics.read('phi_policy_as_of_age_days', () =>
    [...instance.policiesInForce()].map(([audience, { asOfDay }]) => {
      return { labels: { audience }, value: today() - asOfDay };
    }),
  );
  metrics.read('gauze_grants', () => [{ labels: {}, value: instance.grantCount }]);
}

function countTransaction(
  metrics: Metrics,
  { topic, audience }: LaneName,
  { records, withheld, bytes, durationMs, newestMs }: CommittedTransaction,
): void {
  const published = { topic, audience, outcome: 'published' };
  metrics.count('phi_records_total', published, records - withheld.length);
  metrics.count('phi_records_total', { topic, audience, outcome: 'withheld' }, withheld.length);
  for (const code of withheld)
    metrics.count('phi_withheld_total', { audience, stage: stageOf(code), error_code: code });
  metrics.count('phi_read_bytes_total', { topic, audience }, bytes);
  metrics.count('phi_transactions_total', { result: 'committed' });
  metrics.observe('phi_transaction_duration_seconds', {}, durationMs / 1000);
  metrics.observe('phi_delay_seconds', { audience }, Math.max(0, nowMs() - newestMs) / 1000);
}

/** Where on a record's way it was withheld. */
function stageOf(code: ErrorCode): string {
  if (errorRow(code).kind !== 'withhold') return 'person';
  if (code.startsWith('ERR_DECODE_')) return 'decode';
  if (code.startsWith('ERR_PUBLISH_')) return 'publish';
  return code === 'ERR_WITHHELD_BY_PERSON' ? 'person' : 'mask';
}
