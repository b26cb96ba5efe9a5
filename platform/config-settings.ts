/**
 * Every setting of gauze.yaml, described once: type, default, unit, meaning. config.ts checks a file
 * against it, the types ConfigInput and Config follow from it, and docs/reference/config.md is made from it.
 * No setting holds a secret, and none lets raw data pass.
 */
import { z } from 'zod';
import { access, http, notifications, oidc, owners, redis, roles } from './config-access-settings.ts';
import { NOWHERE, described, file, group, text, url, wholeNumber } from './config-setting-kinds.ts';

const ROLE_DOC = {
  admin: 'For `gauze apply` only: makes topics and rights.',
  topology: 'For `gauze run`: reads raw topics, writes sanitized and audit topics.',
  approvals: 'For the approval service: reads and writes the access log; cannot change rights.',
  provisioner: 'Makes and removes the topics and rights of grants.',
  sealer: 'Seals the audit topics and watches over them; reads no record but those of the audit.',
  auditor: 'Reads the audit topics.',
} as const;

/** The Kafka log-ins that parts of gauze use; each part needs only its own. */
export type RoleName = keyof typeof ROLE_DOC;

/** What a log-in with a token needs: client credentials at the identity provider (RFC 6749, 4.4). */
const oauth = group(
  {
    issuer: url('http or https', 'Issuer of the tokens; http only on this machine.'),
    clientId: text('a name', 'Client at that issuer.'),
    clientSecretFile: file('File that holds the secret of that client and nothing else.'),
    audience: text('a word', 'Audience that the brokers want a token to name.').optional(),
    scope: text('words with blanks between them', 'Scope to ask for.').optional(),
  },
  'With oauthbearer: where tokens come from.',
).optional();

function role(doc: string) {
  return group(
    {
      mechanism: described(z.enum(['scram-sha-256', 'scram-sha-512', 'oauthbearer', 'plain']), {
        doc: 'SASL mechanism; plain and oauthbearer only together with TLS.',
        expected: 'scram-sha-256, scram-sha-512, oauthbearer or plain',
      }),
      username: text('a name', 'Kafka user; with oauthbearer the one that the brokers make of the token.'),
      passwordFile: file('File that holds the password and nothing else; not with oauthbearer.').optional(),
      oauth,
    },
    doc,
  ).optional();
}

const ssl = described(
  z
    .union([
      z.boolean(),
      group(
        {
          caFile: file(
            'Certificates of the authorities to trust, PEM; without it those of the system.',
          ).optional(),
          certFile: file('Certificate of this client, PEM.').optional(),
          keyFile: file('Key of that certificate, PEM.').optional(),
        },
        'TLS with files of your own.',
      ),
    ])
    .default(false),
  {
    doc: 'TLS to the brokers: false, true (authorities of the system), or a group of files.',
    expected: 'true, false or a group of files',
  },
);

const kafka = group(
  {
    brokers: described(z.array(z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/[\]]+):\d{1,5}$/)).min(1), {
      doc: 'Brokers to ask first, `host:port` each.',
      expected: 'a list of host:port',
      standIn: `${NOWHERE}:9092`,
    }),
    ssl,
    roles: group(
      {
        admin: role(ROLE_DOC.admin),
        topology: role(ROLE_DOC.topology),
        approvals: role(ROLE_DOC.approvals),
        provisioner: role(ROLE_DOC.provisioner),
        sealer: role(ROLE_DOC.sealer),
        auditor: role(ROLE_DOC.auditor),
      },
      'Log-ins; a host has only those of the parts that run on it.',
    ),
  },
  'The Kafka cluster.',
);

const registry = group(
  {
    url: url('http or https', "Base address of the registry's Confluent API."),
    username: text('a name', 'User for basic authentication.').optional(),
    passwordFile: file('File that holds the password of that user.').optional(),
  },
  'The schema registry.',
);

const limits = group(
  {
    transactionsPerSecond: wholeNumber(
      { min: 1, max: 100_000, default: 200 },
      'Transactions of this instance over all lanes; lanes wait longer as they grow in number.',
      'per second',
    ),
    batchBytes: wholeNumber(
      { min: 1_024, max: 104_857_600, default: 4_194_304 },
      'Output after which a transaction is closed; less where an instance has more than 32 lanes.',
      'bytes',
    ),
    lingerMs: wholeNumber(
      { min: 0, max: 5_000, default: 100 },
      'Time after which a transaction is closed even if it is small.',
      'ms',
    ),
    fetchBytes: wholeNumber(
      { min: 1_024, max: 104_857_600, default: 1_048_576 },
      'Raw bytes fetched ahead for each partition.',
      'bytes',
    ),
    decompressedBytes: wholeNumber(
      { min: 1_024, max: 1_073_741_824, default: 67_108_864 },
      'What one compressed record batch may unpack to; a larger one holds its lanes.',
      'bytes',
    ),
    sessionTimeoutMs: wholeNumber(
      { min: 6_000, max: 1_800_000, default: 10_000 },
      'How long the group waits for an instance that is silent before others take over its partitions; a named one may take as long to restart. The brokers bound it too (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`).',
      'ms',
    ),
    grantRetentionMs: wholeNumber(
      { min: 60_000, max: 604_800_000, default: 3_600_000 },
      'How long records of a grant topic are kept if no part of gauze is alive to remove the topic.',
      'ms',
    ),
  },
  'Sizes and rates of one instance.',
);

const audit = group(
  {
    origin: text(
      'a name without blanks and `+`',
      'Name of the log of seals, the same for ever; without it `gauze/`, the id of the cluster, `/` and `topics.prefix`.',
      /^[^\s+]+$/,
    ).optional(),
    sealIntervalMs: wholeNumber(
      { min: 200, max: 3_600_000, default: 10_000 },
      'Time between two seals of the audit topics, also when nothing happens.',
      'ms',
    ),
    witnesses: described(
      z
        .array(
          group(
            {
              url: url('http or https', 'Address of the witness (c2sp.org/tlog-witness).'),
              vkey: text(
                'name+id+key, as the witness prints it',
                'Key that its cosignatures are checked with.',
              ),
            },
            'A witness.',
          ),
        )
        .default([]),
      {
        doc: 'Witnesses that are asked to cosign each checkpoint, each with its `url` (c2sp.org/tlog-witness) and its `vkey`; one that does not answer holds nothing up.',
        expected: 'a list of witnesses, each with url and vkey',
      },
    ),
    membershipRoots: described(z.boolean().default(false), {
      doc: 'Put the root of a Merkle tree over the persons of each batch into its event, so that it can be proved to outsiders that a person is in the batch or is not; docs/audit.md says what it costs.',
      expected: 'true or false',
    }),
    retention: described(
      z.enum(['six-years', 'ten-years', 'for-ever', 'synthetic-data']).default('six-years'),
      {
        doc: 'How long audit records are kept at least before `gauze audit prune` may remove them: six years by 45 CFR 164.316(b)(2)(i), or longer. `synthetic-data` keeps nothing and is for sites without any data of persons; every declaration says so.',
        expected: 'six-years, ten-years, for-ever or synthetic-data',
      },
    ),
    trustFile: file(
      'Signed list of the keys that evidence is checked with; for those who verify.',
    ).optional(),
    rootVkey: text(
      'name+id+key, as `gauze keys init` prints it',
      'Key that must have signed the trust file; for those who verify.',
    ).optional(),
    folder: described(z.string().min(1), {
      doc: 'Folder of the index and of what the last verification has seen, for the pages of auditors; each instance needs its own. Without it below the cache folder.',
      expected: 'the path of a folder',
      isPath: true,
    }).optional(),
    verifyIntervalMs: wholeNumber(
      { min: 200, max: 86_400_000, default: 60_000 },
      'Time from one verification by the approval service to the next; each checks what is new.',
      'ms',
    ),
    recipientsFile: file(
      'Names and addresses of recipients, for accountings of disclosures on the pages of auditors.',
    ).optional(),
    holdsFile: file('Suspensions that such an accounting leaves out.').optional(),
  },
  'How the audit topics are sealed and verified.',
);

/** The whole file. */
export const configSchema = group(
  {
    kafka,
    registry,
    redis,
    oidc,
    http,
    keys: group(
      { file: file('The keyring, readable by its owner alone.') },
      'Keys of the audiences.',
    ).optional(),
    persons: group(
      {
        aliasFile: file(
          'Which ids of persons were merged into which (CSV `merged,into,since`), readable by its owner alone.',
        ).optional(),
      },
      'What is known of persons beside their records.',
    ).prefault({}),
    policies: described(z.string().min(1).default('policies/'), {
      doc: 'Folder of the policy files, one for each audience.',
      expected: 'the path of a folder',
      isPath: true,
    }),
    access,
    tags: described(z.record(z.string().min(1), z.string().min(1)).default({}), {
      doc: "The site's own words on fields, each with the tag of gauze it stands for.",
      expected: 'a word and its tag on each line',
    }),
    topics: group(
      {
        prefix: described(
          z
            .string()
            .regex(/^[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,40}$/)
            .default('gauze'),
          {
            doc: "Beginning of gauze's own topics, consumer groups and transactional ids.",
            expected: 'at most 41 letters, digits, `.`, `_`, `-`, not beginning with `.`',
          },
        ),
      },
      'Names of topics.',
    ).prefault({}),
    limits: limits.prefault({}),
    metrics: group(
      {
        host: described(z.string().min(1).default('127.0.0.1'), {
          doc: 'Address to listen on for `/metrics`, `/healthz` and `/readyz`.',
          expected: 'a host name or address',
        }),
        port: wholeNumber(
          { min: 0, max: 65_535, default: 0 },
          'Port of the same, one for each process of a host; 0 takes a free one, which the log names.',
        ),
      },
      'What those see who watch a process.',
    ).prefault({}),
    audit: audit.prefault({}),
    roles,
    owners,
    notifications,
  },
  'The config file of gauze.',
);

/** The file as people write it. */
export type ConfigInput = z.input<typeof configSchema>;
