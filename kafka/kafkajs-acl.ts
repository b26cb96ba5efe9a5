/**
 * ACL rules between our words (acl.ts) and the numbers of the Kafka protocol, which kafkajs uses as they are.
 * https://kafka.apache.org/protocol#protocol_types (AclOperation, AclPermissionType, ResourceType, PatternType)
 */
import type { Acl, AclOperation, AclResource } from './acl.ts';
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ResourcePatternTypes,
} from './kafkajs-client.ts';
import type { KafkaJsAclEntry } from './kafkajs-client.ts';

const RESOURCES = {
  topic: AclResourceTypes.TOPIC,
  group: AclResourceTypes.GROUP,
  cluster: AclResourceTypes.CLUSTER,
  'transactional-id': AclResourceTypes.TRANSACTIONAL_ID,
} as const satisfies Record<AclResource, number>;

const OPERATIONS = {
  all: AclOperationTypes.ALL,
  read: AclOperationTypes.READ,
  write: AclOperationTypes.WRITE,
  create: AclOperationTypes.CREATE,
  delete: AclOperationTypes.DELETE,
  alter: AclOperationTypes.ALTER,
  describe: AclOperationTypes.DESCRIBE,
  'cluster-action': AclOperationTypes.CLUSTER_ACTION,
  'describe-configs': AclOperationTypes.DESCRIBE_CONFIGS,
  'alter-configs': AclOperationTypes.ALTER_CONFIGS,
  'idempotent-write': AclOperationTypes.IDEMPOTENT_WRITE,
} as const satisfies Record<AclOperation, number>;

const PERMISSIONS = { deny: AclPermissionTypes.DENY, allow: AclPermissionTypes.ALLOW } as const;
const PATTERNS = { literal: ResourcePatternTypes.LITERAL, prefixed: ResourcePatternTypes.PREFIXED } as const;

/** A rule as kafkajs takes it. */
export function toAclEntry(acl: Acl): KafkaJsAclEntry {
  return {
    resourceType: RESOURCES[acl.resource],
    resourceName: acl.name,
    resourcePatternType: PATTERNS[acl.pattern],
    principal: acl.principal,
    host: acl.host,
    operation: OPERATIONS[acl.operation],
    permissionType: PERMISSIONS[acl.permission],
  };
}

/** A rule in the numbers of the protocol. */
export interface AclNumbers {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly resourcePatternType: number;
  readonly principal: string;
  readonly host: string;
  readonly operation: number;
  readonly permissionType: number;
}

/** A rule from the cluster; none where it uses a word that gauze has no name for. */
export function fromAclEntry(entry: AclNumbers): Acl[] {
  const resource = wordOf<AclResource>(RESOURCES, entry.resourceType);
  const operation = wordOf<AclOperation>(OPERATIONS, entry.operation);
  const pattern = wordOf<Acl['pattern']>(PATTERNS, entry.resourcePatternType);
  const permission = wordOf<Acl['permission']>(PERMISSIONS, entry.permissionType);
  if (resource === null || operation === null || pattern === null || permission === null) return [];
  const { resourceName: name, principal, host } = entry;
  return [{ resource, name, pattern, principal, host, operation, permission }];
}

function wordOf<Word extends string>(table: Readonly<Record<Word, number>>, number: number): Word | null {
  const found = Object.entries<number>(table).find(([, value]) => value === number);
  return found ? (found[0] as Word) : null;
}
