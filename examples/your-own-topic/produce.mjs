/**
 * Writes visits to your own topic, as a feed of yours would: an ordinary client, the schema of visit.avsc, one partition
 * for each patient. Edit `visit` when you edit the schema. Everybody in it is made up.
 *
 *   OWN_KAFKA=... OWN_REGISTRY=... node produce.mjs 100
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fakerEN_US as faker } from '@faker-js/faker';
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import kafkajs from 'kafkajs';

const TOPIC = 'clinic.visits';
const HERE = dirname(fileURLToPath(import.meta.url));
const MS_PER_DAY = 86_400_000;
const count = Number(process.argv[2] ?? 100);
faker.seed(20_260_301);

function visit(number) {
  const patient = number % 40;
  return {
    visitId: `V-${number}`,
    patientId: `P-${patient}`,
    patientName: faker.person.fullName(),
    birthDate: Math.floor(faker.date.birthdate().getTime() / MS_PER_DAY),
    zip: faker.helpers.arrayElement(['02139', '10001', '60601', '03601']),
    seenAt: Date.UTC(2026, 2, 1, 8) + number * 600_000,
    diagnosis: faker.helpers.arrayElement(['E11.9', 'I10', 'J45.909']),
    note: number % 3 === 0 ? `Seen with ${faker.person.firstName()}.` : null,
  };
}

const registry = new SchemaRegistry({ host: process.env.OWN_REGISTRY });
const schema = await readFile(join(HERE, 'visit.avsc'), 'utf8');
const { id } = await registry.register(
  { type: SchemaType.AVRO, schema },
  { subject: `${TOPIC}-value`, compatibility: COMPATIBILITY.BACKWARD },
);

const password = await readFile(join(HERE, 'secrets', 'ehr-feed'), 'utf8');
const { Kafka, Partitioners, logLevel } = kafkajs;
const producer = new Kafka({
  brokers: [process.env.OWN_KAFKA],
  sasl: { mechanism: 'scram-sha-256', username: 'ehr-feed', password },
  logLevel: logLevel.NOTHING,
}).producer({ createPartitioner: Partitioners.DefaultPartitioner });
await producer.connect();
const visits = Array.from({ length: count }, (_, number) => visit(number));
const messages = await Promise.all(
  visits.map(async (each) => ({ key: each.patientId, value: await registry.encode(id, each) })),
);
await producer.send({ topic: TOPIC, messages });
await producer.disconnect();
process.stdout.write(`${count} visits written to ${TOPIC}\n`);
