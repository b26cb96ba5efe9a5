/**
 * A group member in a process of its own, so that a test can stop or kill it as a machine would.
 * Arguments: group, topic. Standard input: the endpoint as a line of JSON, then partitions to ask about, one a line.
 * Standard output: lines of JSON, `{ assigned }` and `{ partition, holds }`.
 */
import { createInterface } from 'node:readline';
import { Cluster } from '../../kafka/cluster.ts';
import type { KafkaEndpoint } from '../../kafka/endpoint.ts';
import { GroupMember } from '../../kafka/group-member.ts';

const [group = '', topic = ''] = process.argv.slice(2);
const say = (line: object): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`);
};
let member: GroupMember | null = null;

for await (const line of createInterface(process.stdin)) {
  if (member) {
    const partition = Number(line);
    say({ partition, holds: await member.stillHolds({ topic, partition }) });
    continue;
  }
  member = new GroupMember(new Cluster(JSON.parse(line) as KafkaEndpoint), {
    group,
    topics: () => [topic],
    onAssigned: (partitions) => say({ assigned: partitions.map(({ partition }) => partition) }),
    onTrouble: () => undefined,
    sessionTimeoutMs: 6_000,
    heartbeatIntervalMs: 300,
  });
  member.start();
}
