/**
 * Makes of a local stack what the rest of this folder needs: a password file for each user, the raw topic, and the right
 * to write it. With a Kafka of your own you do these three things your own way, and need no such script.
 *
 *   node prepare.mjs stack.json
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import kafkajs from 'kafkajs';

const TOPIC = 'clinic.visits';
const HERE = dirname(fileURLToPath(import.meta.url));
const { brokers, registryUrl, logins } = JSON.parse(await readFile(process.argv[2], 'utf8'));

const secrets = join(HERE, 'secrets');
await mkdir(secrets, { recursive: true, mode: 0o700 });
for (const { username, password } of Object.values(logins))
  await writeFile(join(secrets, username), password, { mode: 0o600 });

const { Kafka, AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes, logLevel } =
  kafkajs;
const admin = new Kafka({ brokers, sasl: logins.admin, logLevel: logLevel.NOTHING }).admin();
await admin.connect();
await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 2 }] });
await admin.createAcls({
  acl: [AclOperationTypes.WRITE, AclOperationTypes.DESCRIBE].map((operation) => ({
    resourceType: AclResourceTypes.TOPIC,
    resourceName: TOPIC,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal: 'User:ehr-feed',
    host: '*',
    operation,
    permissionType: AclPermissionTypes.ALLOW,
  })),
});
await admin.disconnect();

process.stdout.write(`export OWN_KAFKA=${brokers[0]}\n`);
process.stdout.write(`export OWN_REGISTRY=${registryUrl}\n`);
