/**
 * Kafka ACLs as plain data, in the words of the Kafka documentation.
 * Numbers of the protocol and of kafkajs stay in admin.ts.
 */

export type AclResource = 'topic' | 'group' | 'cluster' | 'transactional-id';
export type AclOperation =
  | 'all'
  | 'read'
  | 'write'
  | 'create'
  | 'delete'
  | 'alter'
  | 'describe'
  | 'cluster-action'
  | 'describe-configs'
  | 'alter-configs'
  | 'idempotent-write';

/** One rule of the authorizer. */
export interface Acl {
  readonly resource: AclResource;
  /** Name of the resource; `*` with `literal` means all; the cluster is always `kafka-cluster`. */
  readonly name: string;
  readonly pattern: 'literal' | 'prefixed';
  /** `User:name`. */
  readonly principal: string;
  /** Where the client may connect from; `*` is anywhere. */
  readonly host: string;
  readonly operation: AclOperation;
  readonly permission: 'allow' | 'deny';
}

/** The one name of the cluster as a resource. */
export const CLUSTER_RESOURCE = 'kafka-cluster';

/** Rules that allow `principal` each of `operations` on one resource, from anywhere. */
export function allow(
  principal: string,
  operations: readonly AclOperation[],
  resource: AclResource,
  name: string = CLUSTER_RESOURCE,
  pattern: Acl['pattern'] = 'literal',
): Acl[] {
  return operations.map((operation) => ({
    resource,
    name,
    pattern,
    principal,
    host: '*',
    operation,
    permission: 'allow',
  }));
}

/** Whether the rule lets its principal be a member of the group. */
export function letsReadGroup(
  { resource, name, pattern, operation, permission }: Acl,
  group: string,
): boolean {
  if (resource !== 'group' || permission !== 'allow') return false;
  if (operation !== 'read' && operation !== 'all') return false;
  return pattern === 'prefixed' ? group.startsWith(name) : name === '*' || name === group;
}

/** One text per rule, the same for equal rules: to compare sets of them. */
export function aclText(acl: Acl): string {
  return [acl.permission, acl.principal, acl.host, acl.operation, acl.resource, acl.pattern, acl.name].join(
    ' ',
  );
}
