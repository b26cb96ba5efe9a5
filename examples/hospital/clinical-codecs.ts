/**
 * The schemas of schemas/clinical/ as avsc types, and the encoder of a feed: registry prefix, then Avro.
 * It stands for any producer's serializer; gauze itself never encodes or decodes with it.
 */
import { readFileSync } from 'node:fs';
import avro from 'avsc';
import { CLINICAL_TOPICS } from './clinical-values.ts';
import type { ClinicalRecord, ClinicalTopic } from './clinical-values.ts';

/** Magic byte 0 and four bytes of schema id: the wire format of Confluent's serializers. */
const PREFIX_BYTES = 5;

const SCHEMA_FILES: Readonly<Record<ClinicalTopic, string>> = {
  'clinical.patients': 'patient.avsc',
  'clinical.encounters': 'encounter.avsc',
  'clinical.observations': 'observation.avsc',
  'clinical.claims': 'claim.avsc',
};

const schemaTexts = new Map(
  CLINICAL_TOPICS.map((topic) => {
    const file = new URL(`../../schemas/clinical/${SCHEMA_FILES[topic]}`, import.meta.url);
    return [topic, readFileSync(file, 'utf8')] as const;
  }),
);

const types = new Map(
  CLINICAL_TOPICS.map((topic) => [topic, avro.Type.forSchema(JSON.parse(clinicalSchema(topic)))] as const),
);

/** The schema of a topic's values as its .avsc file has it, tags and all: what is registered. */
export function clinicalSchema(topic: ClinicalTopic): string {
  return schemaTexts.get(topic)!;
}

/** The avsc type of a topic's values; logical types come as their base types. */
export function clinicalType(topic: ClinicalTopic): avro.Type {
  return types.get(topic)!;
}

/** The bytes of one record's value, with the registry's 5-byte prefix. */
export function encodeRecord(topic: ClinicalTopic, schemaId: number, value: ClinicalRecord['value']): Buffer {
  const body = clinicalType(topic).toBuffer(value);
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + body.length);
  bytes[0] = 0;
  bytes.writeUInt32BE(schemaId, 1);
  body.copy(bytes, PREFIX_BYTES);
  return bytes;
}
