/**
 * The schema that a raw record names, fetched and parsed. An id that is no version of the topic's own subject is
 * refused: whatever it says, it says nothing about this topic.
 */
import { GauzeError } from '../platform/errors.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import type { RegistryClient, SchemaText } from '../schemas/registry-client.ts';
import { valueSubject } from '../schemas/topic-names.ts';

export interface WriterSchema {
  readonly subject: string;
  readonly text: SchemaText;
  readonly schema: AvroType;
}

/**
 * Throws ERR_SCHEMA_UNKNOWN, ERR_SCHEMA_WRONG_SUBJECT, what parseAvroSchema says of the text, and the registry's outages.
 */
export async function writerSchema(
  registry: RegistryClient,
  topic: string,
  schemaId: number,
): Promise<WriterSchema> {
  const subject = valueSubject(topic);
  const text = await registry.schemaText(schemaId);
  if (!(await registry.isVersionOf(schemaId, subject))) {
    throw new GauzeError('ERR_SCHEMA_WRONG_SUBJECT', { schemaId, subject });
  }
  return { subject, text, schema: parseAvroSchema(text.text, text.references, { subject }) };
}
