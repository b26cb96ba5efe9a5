/**
 * The Kafka rules that one grant means, and how every other rule on a grant topic is to be taken. Pure: grant-topics.ts
 * makes it so. READ on a grant topic is given to one user of Kafka, by the exact name of the topic, never to `*`.
 */
import { aclText, allow } from '../kafka/acl.ts';
import type { Acl } from '../kafka/acl.ts';
import { GauzeError } from '../platform/errors.ts';
import type { GrantState } from '../schemas/access-codecs.ts';
import type { TopicNames } from '../schemas/topic-names.ts';

/** The rules on its topic that let a grantee read. */
export function granteeRights(grant: GrantState, names: TopicNames): readonly Acl[] {
  return allow(grant.scope.beneficiary, ['read', 'describe'], 'topic', names.grantTopic(grant.grant_id));
}

/** Consumer groups of a user's own: names that begin with the user and a hyphen. */
export function groupRights(principal: string): readonly Acl[] {
  return allow(principal, ['read'], 'group', `${principal.replace(/^User:/, '')}-`, 'prefixed');
}

/**
 * One user by name: `User:*` would be everybody, and a part of gauze that reads what it grants would need no grant.
 * Throws ERR_GRANT_BENEFICIARY.
 */
export function assertBeneficiary(grant: GrantState, own: readonly string[]): void {
  const { beneficiary } = grant.scope;
  if (!/^User:[^\s*][^\n*]*$/.test(beneficiary) || own.includes(beneficiary))
    throw new GauzeError('ERR_GRANT_BENEFICIARY', { grant: grant.grant_id });
}

/** Whether the rule lets somebody read. */
export function letsRead({ permission, operation }: Acl): boolean {
  return permission === 'allow' && (operation === 'read' || operation === 'all');
}

/** Sorts the rules on topics into those that only concern grant topics and those that reach further. */
export class RightsSorter {
  private readonly prefix: string;
  private readonly standing: ReadonlySet<string>;

  /** `standing`: the rules of gauze's own roles on the prefix of all grant topics. */
  constructor(names: TopicNames, standing: readonly Acl[]) {
    this.prefix = names.grantTopicPrefix;
    this.standing = new Set(standing.map(aclText));
  }

  /** A rule on grant topics alone, and none of gauze's standing ones: grants decide whether it may be there. */
  isOfGrants(acl: Acl): boolean {
    return acl.resource === 'topic' && acl.name.startsWith(this.prefix) && !this.standing.has(aclText(acl));
  }

  /** Lets somebody read grant topics and other topics too: not for the provisioner to remove. */
  isWider(acl: Acl): boolean {
    if (acl.resource !== 'topic' || !letsRead(acl)) return false;
    if (acl.pattern === 'literal') return acl.name === '*';
    return acl.name.length < this.prefix.length && this.prefix.startsWith(acl.name);
  }
}
