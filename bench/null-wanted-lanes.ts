/**
 * In the place of topology/wanted-lanes.ts where the cost of the index is measured: the same lanes, but none that
 * indexes.
 */
import type { TopicPartition } from '../kafka/group-requests.ts';
import type { LaneName } from '../topology/lane-context.ts';
import { INDEX_AUDIENCE } from '../topology/lane-kind.ts';
import { rawTopicsOf, wantedLanes as allLanes } from '../topology/wanted-lanes.ts';
import type { CoveredTopics } from '../topology/wanted-lanes.ts';

export { rawTopicsOf };

export function wantedLanes(
  assigned: readonly TopicPartition[],
  covered: CoveredTopics,
): readonly LaneName[] {
  return allLanes(assigned, covered).filter(({ audience }) => audience !== INDEX_AUDIENCE);
}
