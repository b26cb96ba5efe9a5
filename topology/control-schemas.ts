/**
 * Registers the schemas of the topics that lanes write beside their outputs. Registering what is there already only
 * gives its id; a schema that the registry refuses as incompatible stops the start.
 */
import { subjectIndexCodec } from '../schemas/access-codecs.ts';
import { auditEventCodec, policyLogCodec, withheldCodec } from '../schemas/control-codecs.ts';
import type { RegistryClient } from '../schemas/registry-client.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import type { ControlSchemaIds } from './lane-context.ts';

/** Their ids. Throws the registry's errors. */
export async function controlSchemaIds(
  registry: RegistryClient,
  names: TopicNames,
): Promise<ControlSchemaIds> {
  const id = async (topic: string, { schemaText }: { schemaText: string }): Promise<number> =>
    await registry.register(valueSubject(topic), schemaText);
  return {
    policyLog: await id(names.policies, policyLogCodec),
    withheld: await id(names.withheld, withheldCodec),
    auditEvent: await id(names.auditEvents, auditEventCodec),
    subjectIndex: await id(names.auditSubjects, subjectIndexCodec),
  };
}
