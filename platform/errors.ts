/**
 * Every error gauze can raise, in one table, and the class that carries them.
 * An error holds a code and coordinates; never a value, key, header, token or foreign error text,
 * because whatever stands in an error ends up in a log. docs/reference/errors.md is made from this table.
 */

import { rememberOrigin } from './error-frames.ts';

/** Where something happened. A closed set: names and positions, nothing that comes out of a record. */
export interface ErrorContext {
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: number;
  readonly audience?: string;
  readonly grant?: string;
  readonly schemaId?: number;
  readonly subject?: string;
  /** Field path made of names in the schema; never a map key or a value. */
  readonly path?: string;
  readonly tag?: string;
  /** Raw topic that a policy names as person dictionary. */
  readonly dictionary?: string;
  /** Words of a dictionary of ours that were found in a name of the schema. */
  readonly words?: string;
  readonly method?: string;
  readonly regime?: string;
  readonly paragraph?: string;
  readonly expected?: string;
  readonly actual?: string;
  readonly setting?: string;
  readonly file?: string;
  readonly line?: number;
  readonly count?: number;
  readonly limit?: number;
  readonly apiName?: string;
  readonly kafkaError?: number;
  readonly kafkaErrorName?: string;
  readonly status?: number;
  readonly host?: string;
  readonly port?: number;
  readonly role?: string;
  readonly domain?: string;
  readonly causeName?: string;
  readonly command?: string;
  /** Name under which an instance runs, as people gave it. */
  readonly instance?: string;
  /** The name of a closed list (tags, methods, settings, audiences, topics) that may have been meant; never of data. */
  readonly nearest?: string;
  /** The present state of the request or grant that it is about. */
  readonly state?: string;
}

/**
 * What an error does:
 * `usage`: a person must change a file or a command; raised before anything runs;
 * `withhold`: a fault of one record; it is not published and the lane goes on;
 * `hold`: a fault of a schema, policy, topic or right; the lane stops at that offset;
 * `outage`: something outside does not answer; waited out with retries;
 * `stop`: the state of this instance is in doubt; it gives up what it holds and starts over, or ends.
 */
export type ErrorKind = 'usage' | 'withhold' | 'hold' | 'outage' | 'stop';

/** What ends a hold: a policy that covers the case, the missing thing being there again, or a person's `gauze resume`. */
export type HoldEnd = 'policy' | 'recheck' | 'resume';

interface ErrorRow {
  readonly kind: ErrorKind;
  readonly ends?: HoldEnd;
  /** Sentence with `{field}` for context; says what was expected and what was found. */
  readonly message: string;
  /** What the reader of the message should do. */
  readonly action: string;
}

export const ERRORS = {
  // ---- configuration and command line
  ERR_CONFIG_FILE_UNREADABLE: {
    kind: 'usage',
    message: 'The file {file} cannot be read.',
    action:
      'Check that the path is right and that this user may read it. `npm run gauze` takes paths from the folder of gauze, wherever it is called.',
  },
  ERR_CONFIG_FILE_ABSENT: {
    kind: 'usage',
    message: 'There is no config file: {actual} was looked for.',
    action:
      'Go to the folder that has it, or name it with `-c <file>`. `npm run gauze` takes paths from the folder of gauze, wherever it is called.',
  },
  ERR_CONFIG_SYNTAX: {
    kind: 'usage',
    message: '{file}:{line}: the text is not well-formed {expected}.',
    action: 'Correct the syntax at that line.',
  },
  ERR_CONFIG_SETTING_UNKNOWN: {
    kind: 'usage',
    message: '{file}:{line}: there is no setting {setting}.',
    action: 'Remove it or correct its spelling; docs/reference/config.md lists all settings.',
  },
  ERR_CONFIG_SETTING_MISSING: {
    kind: 'usage',
    message: '{file}:{line}: the setting {setting} is missing.',
    action: 'Add it; docs/reference/config.md says what it means.',
  },
  ERR_CONFIG_SETTING_WRONG: {
    kind: 'usage',
    message: '{file}:{line}: {setting} must be {expected}.',
    action: 'Correct the value.',
  },
  ERR_CONFIG_VARIABLE_MISSING: {
    kind: 'usage',
    message: '{file}:{line}: the environment variable {setting} is not set.',
    action: 'Set it, or write the value in the file.',
  },
  ERR_CONFIG_SECRET_INLINE: {
    kind: 'usage',
    message: '{file}:{line}: {setting} holds a secret in the file itself.',
    action: 'Put the secret in a file of its own and name that file, or use an environment variable.',
  },
  ERR_CONFIG_CONTRADICTION: {
    kind: 'usage',
    message: '{file}:{line}: {setting} contradicts {expected}.',
    action: 'Change one of the two.',
  },
  ERR_CONFIG_ROLE_MISSING: {
    kind: 'usage',
    message: 'This command needs the log-in of the role {role}, which the config does not have.',
    action: 'Add kafka.roles.{role} with mechanism, username and passwordFile.',
  },
  ERR_USAGE_ARGUMENT: {
    kind: 'usage',
    message: 'The argument {setting} must be {expected}.',
    action: 'See --help.',
  },
  // ---- connections to Kafka
  ERR_KAFKA_CONNECT: {
    kind: 'outage',
    message: 'No connection to the broker {host}:{port} ({causeName}).',
    action: 'Check that the broker is up and that kafka.brokers is right.',
  },
  ERR_KAFKA_CONNECTION_LOST: {
    kind: 'outage',
    message: 'The connection to the broker {host}:{port} ended.',
    action: 'Nothing: it is made again.',
  },
  ERR_KAFKA_REQUEST_TIMEOUT: {
    kind: 'outage',
    message: 'The broker {host}:{port} did not answer {apiName} in {limit} ms; the connection was ended.',
    action: 'Nothing: the outcome is read back before going on.',
  },
  ERR_KAFKA_UNSETTLED: {
    kind: 'outage',
    message:
      'What {apiName} asks for of {topic} partition {partition} has been hidden by an open transaction for {limit} ms.',
    action:
      'Nothing at first: it is asked again. If it lasts, a transaction hangs at the broker: `kafka-transactions.sh find-hanging` names it. A restart of that broker makes it load what is settled; a transaction that it ended without saying so in every partition stays, and a person ends it there (docs/faults.md).',
  },
  ERR_KAFKA_AUTHENTICATION: {
    kind: 'hold',
    ends: 'recheck',
    message: 'The broker {host}:{port} refused the log-in of the role {role}.',
    action: 'Check the username and password file of that role.',
  },
  ERR_KAFKA_TOKEN: {
    kind: 'outage',
    message: 'The identity provider at {host} gave no token for a log-in to Kafka ({causeName}).',
    action: 'Check that it answers, and the client and its secret under oauth of that role.',
  },
  ERR_KAFKA_PROTOCOL: {
    kind: 'stop',
    message: 'The answer to {apiName} from {host}:{port} does not follow the Kafka protocol.',
    action: 'Report it with the broker version; the connection was ended.',
  },
  ERR_KAFKA_ANSWER: {
    kind: 'outage',
    message: '{apiName} was answered with error {kafkaError} ({kafkaErrorName}).',
    action: 'Retried; if it stays, look at the broker.',
  },
  ERR_KAFKA_RIGHT_MISSING: {
    kind: 'hold',
    ends: 'recheck',
    message: '{apiName} on {topic} is refused: error {kafkaError} ({kafkaErrorName}).',
    action:
      'Check the names of topic, audience and log-in: Kafka says the same of a topic that is not there. `gauze plan` shows which rights are missing, `gauze apply` makes them.',
  },
  ERR_KAFKA_TOPIC_MISSING: {
    kind: 'hold',
    ends: 'recheck',
    message: 'The topic {topic} is missing, or partition {partition} of it.',
    action:
      'Make the topic with `gauze apply`, or give it as many partitions as the raw topic has (kafka-topics.sh --alter); then `gauze resume` if the lane asks for it.',
  },
  ERR_KAFKA_TRANSACTIONS_TOO_OLD: {
    kind: 'usage',
    message: 'The cluster has transaction.version {actual}; gauze needs at least {expected} (KIP-890).',
    action: 'Use Kafka 4.0 or later and raise it: kafka-features.sh upgrade --feature transaction.version=2.',
  },
  ERR_KAFKA_API_TOO_OLD: {
    kind: 'usage',
    message: 'The broker offers {apiName} up to version {actual}; gauze needs {expected}.',
    action: 'Use Kafka 4.0 or later.',
  },
  ERR_KAFKA_FENCED: {
    kind: 'stop',
    message: 'Another instance took over {topic} partition {partition} for {audience}.',
    action: 'Nothing: this instance has given the lane up.',
  },
  ERR_KAFKA_OUTCOME_UNKNOWN: {
    kind: 'stop',
    message: 'It is not known whether a transaction on {topic} partition {partition} for {audience} ended.',
    action: 'Nothing: the lane starts again from its committed offset.',
  },
  ERR_KAFKA_CLIENT_CHANGED: {
    kind: 'usage',
    message: 'The installed kafkajs is not the version gauze was built for ({expected}).',
    action: 'Run `npm ci`.',
  },
  // ---- record batches
  ERR_BATCH_CORRUPT: {
    kind: 'hold',
    ends: 'recheck',
    message: 'A record batch of {topic} partition {partition} at offset {offset} is corrupt ({expected}).',
    action: 'Check the disks of the broker; nothing of the batch was published.',
  },
  ERR_BATCH_CODEC: {
    kind: 'hold',
    ends: 'recheck',
    message:
      'A record batch of {topic} partition {partition} at offset {offset} is compressed with {actual}.',
    action: 'Let producers use none, gzip, snappy, lz4 or zstd.',
  },
  ERR_BATCH_TOO_LARGE: {
    kind: 'hold',
    ends: 'recheck',
    message:
      'A record batch of {topic} partition {partition} at offset {offset} unpacks to more than {limit} bytes.',
    action:
      'Raise limits.decompressedBytes and restart, or let the producer send smaller batches; the lane goes on by itself.',
  },
  // ---- registry and schemas
  ERR_REGISTRY_UNREACHABLE: {
    kind: 'outage',
    message: 'The schema registry does not answer ({causeName}).',
    action:
      'Check registry.url and that the registry is up. Lanes at work wait for it; start a command again.',
  },
  ERR_REGISTRY_ANSWER: {
    kind: 'outage',
    message: 'The schema registry answered {status}.',
    action: 'Look at the registry; gauze retries.',
  },
  ERR_SCHEMA_UNKNOWN: {
    kind: 'hold',
    ends: 'recheck',
    message:
      'The registry does not know schema id {schemaId}, found in {topic} partition {partition} at offset {offset}.',
    action: 'Register the schema, or withhold the record: `gauze resume --withhold`.',
  },
  ERR_SCHEMA_WRONG_SUBJECT: {
    kind: 'hold',
    ends: 'recheck',
    message: 'Schema id {schemaId} is not a version of the subject {subject}.',
    action:
      'Find out who writes to the topic with a foreign schema; then register it there or withhold the record.',
  },
  ERR_SCHEMA_SYNTAX: {
    kind: 'hold',
    ends: 'policy',
    message: 'The schema {subject} {file} is not a valid Avro schema at {path}: {expected}.',
    action: 'Correct the schema.',
  },
  ERR_SCHEMA_TAG_UNKNOWN: {
    kind: 'hold',
    ends: 'policy',
    message: 'The tag {tag} at {path} of {subject} is no tag of gauze and not mapped in the config.',
    action: 'Use a tag of docs/reference/tags.md or map the word under `tags:`.',
  },
  ERR_SCHEMA_LEAF_UNTAGGED: {
    kind: 'usage',
    message: '{file}:{line}: the field {path} has no tag.',
    action: 'Say which identifier it is by a tag of docs/reference/tags.md; PHI_NONE if it was reviewed.',
  },
  ERR_TEXT_LISTS: {
    kind: 'usage',
    message: 'The lists of words that names are told by are not those that this release was made with.',
    action: 'Install the exact versions of package-lock.json (npm ci).',
  },
  ERR_SCHEMA_VALUE: {
    kind: 'usage',
    message: 'A value that was made up does not fit the schema at {path}.',
    action:
      'Give every field that has no default a value of its type; dates and times as ISO 8601, bytes as base64.',
  },
  ERR_SCHEMA_PERSON: {
    kind: 'hold',
    ends: 'policy',
    message:
      'The schema {subject} marks {count} fields with "gauze:person"; it must be exactly one string, int or long.',
    action: 'Mark the one field that says whom the record is about.',
  },
  ERR_SCHEMA_DERIVED_INCOMPATIBLE: {
    kind: 'hold',
    ends: 'recheck',
    message: 'The derived schema for {subject} breaks its readers at {path}: {actual}.',
    action:
      'Change the policy, give the topic a new version (`version:` in the policy), or let the owner of the subject set its compatibility to NONE in the registry for this change.',
  },
  // ---- policy
  ERR_POLICY_SYNTAX: {
    kind: 'usage',
    message: '{file}:{line}: {setting} must be {expected}.',
    action: 'Correct the policy; docs/policy.md shows every setting.',
  },
  ERR_POLICY_SETTING_UNKNOWN: {
    kind: 'usage',
    message: '{file}:{line}: a policy has no setting {setting}.',
    action: 'Remove it or correct its spelling.',
  },
  ERR_POLICY_DUPLICATE: {
    kind: 'usage',
    message: '{file}:{line}: the audience {audience} has another policy already.',
    action: 'Keep one file per audience.',
  },
  ERR_POLICY_READER_TWICE: {
    kind: 'usage',
    message: '{file}:{line}: {setting} reads the audience {audience} of {topic} too, and no reason is given.',
    action: 'Write it with `principal:` and `reason:` in both policies, or use two principals.',
  },
  ERR_POLICY_AUDIENCE_RESERVED: {
    kind: 'usage',
    message:
      '{file}:{line}: {audience} is no name for an audience (it is reserved, or not of the form [a-z][a-z0-9-]*).',
    action: 'Choose another name.',
  },
  ERR_POLICY_AUDIENCE_PREFIX: {
    kind: 'usage',
    message: '{file}:{line}: the name {audience} begins with the name of another audience and a hyphen.',
    action: 'Choose another name: readers of the other audience could use consumer groups of this one.',
  },
  ERR_POLICY_TOPIC_VERSION: {
    kind: 'hold',
    ends: 'policy',
    message: 'The policy of {audience} would take back the version of a topic ({offset} in the policy log).',
    action: 'Keep the version it has, or raise it; what was published under it stays where it is.',
  },
  ERR_POLICY_TOPIC_VERSION_BACK: {
    kind: 'usage',
    message: '{file}:{line}: {topic} has version {actual} for {audience}, which is never taken back.',
    action: 'Write that version, or a higher one.',
  },
  ERR_POLICY_AS_OF: {
    kind: 'usage',
    message:
      'Ages for {audience}, which is Safe Harbor, are told as of {count} days ago; {limit} is the limit.',
    action: 'Run `gauze apply`: it writes the same policy again with the day of today.',
  },
  ERR_POLICY_TARGET_SHAPE: {
    kind: 'usage',
    message: 'The sanitized topic {topic} exists with another {setting} than {audience} needs: {expected}.',
    action: 'Change the setting of the topic, or delete the topic and let `gauze apply` make it.',
  },
  ERR_TAGS_RELEASE: {
    kind: 'usage',
    message: 'The tag {tag} at {path} of {subject} cannot be released: {actual}.',
    action: 'See `gauze tags` for what is in force there, and where each tag comes from.',
  },
  ERR_POLICY_TAG_UNKNOWN: {
    kind: 'usage',
    message: '{file}:{line}: there is no tag {tag}.',
    action: 'Use a tag of docs/reference/tags.md.',
  },
  ERR_POLICY_METHOD_UNKNOWN: {
    kind: 'usage',
    message: '{file}:{line}: there is no method {method}.',
    action: 'Use a method of docs/reference/methods.md.',
  },
  ERR_POLICY_METHOD_PARAMETER: {
    kind: 'usage',
    message: '{file}:{line}: the method {method} needs {setting} to be {expected}.',
    action: 'Correct the parameter; docs/reference/methods.md lists them.',
  },
  ERR_POLICY_REGIME: {
    kind: 'hold',
    ends: 'policy',
    message: '{file}:{line}: {regime} does not allow {method} for {tag} ({paragraph}).',
    action: 'Use {expected}, or declare another regime.',
  },
  ERR_POLICY_DICTIONARY: {
    kind: 'hold',
    ends: 'policy',
    message: '{file}:{line}: the person dictionary {dictionary} of {path} is not one that can be used.',
    action:
      'Name one raw topic that stands under topics: too, the same for all texts of a topic, and mark the person in both schemas.',
  },
  ERR_DICTIONARY_BEHIND: {
    kind: 'outage',
    message: 'The person dictionary {topic} cannot be read to the end of partition {partition} yet.',
    action: 'Lanes that need it wait. Look for a producer of that topic that has left a transaction open.',
  },
  ERR_DICTIONARY_TOO_LARGE: {
    kind: 'hold',
    ends: 'policy',
    message: 'The person dictionary {topic} does not fit into the memory that an instance has for it.',
    action: 'Name a topic of fewer or smaller records, or scrub without a dictionary.',
  },
  ERR_POLICY_LEAF_UNCOVERED: {
    kind: 'hold',
    ends: 'policy',
    message: '{file}:{line}: the field {path} of {topic} has no instruction for {audience}.',
    action: 'Tag the field in its schema, or add it under fields: with a reason.',
  },
  ERR_POLICY_TAG_WITHOUT_METHOD: {
    kind: 'hold',
    ends: 'policy',
    message:
      '{file}:{line}: the field {path} of {topic} is tagged {tag}, for which {audience} has no method.',
    action: 'Add {tag} under methods:.',
  },
  ERR_POLICY_METHOD_TYPE: {
    kind: 'hold',
    ends: 'policy',
    message: '{file}:{line}: {method} cannot take {path} of {topic}, which is {actual}.',
    action: 'Choose a method that takes this type; docs/reference/methods.md has the table.',
  },
  ERR_POLICY_SENSITIVE_WHERE: {
    kind: 'hold',
    ends: 'policy',
    message: '{file}:{line}: the rule for {tag} finds none of its leaves in schema {schemaId} of {topic}.',
    action: 'Name the leaf that holds the code in this schema under where:, or say ifAbsent: pass.',
  },
  ERR_POLICY_SENSITIVE_SHOWN: {
    kind: 'hold',
    ends: 'policy',
    message: '{file}:{line}: {path} of {topic} would still tell the code that makes a record {tag}.',
    action: 'Add it to redact:, or withhold such records with drop.',
  },
  ERR_POLICY_UNION_TYPES: {
    kind: 'hold',
    ends: 'policy',
    message:
      '{file}:{line}: {method} makes {actual} of a branch of {path} of {topic}, and another branch becomes a variant of that type.',
    action:
      'Give both branches methods that leave one type, or drop the whole field: a union holds each type once.',
  },
  ERR_POLICY_UNION_DROP: {
    kind: 'hold',
    ends: 'policy',
    message:
      '{file}:{line}: {path} of {topic} cannot lose only one branch of its union or only its map keys.',
    action: 'Drop the whole field, or use redact.',
  },
  ERR_POLICY_TAGS_UNORDERED: {
    kind: 'hold',
    ends: 'policy',
    message:
      '{file}:{line}: the tags of {path} in {topic} ask for methods that cannot be ordered by strictness.',
    action: 'Decide it with an entry under fields:.',
  },
  ERR_POLICY_FIELD_UNKNOWN: {
    kind: 'usage',
    message: '{file}:{line}: {topic} has no field {path} in any version of its schema.',
    action: 'Correct the path; `gauze explain {topic}` lists them.',
  },
  ERR_POLICY_KEY_MISSING: {
    kind: 'usage',
    message: '{file}:{line}: {topic} has no instruction for its record key.',
    action: 'Add `key: { tag: ... }` for the topic.',
  },
  ERR_POLICY_KEY_METHOD: {
    kind: 'usage',
    message: '{file}:{line}: {method} cannot be used for the record key of {topic}.',
    action: 'Use drop, keep, pseudonym or encrypt-deterministic for the tag of the key.',
  },
  ERR_POLICY_COMPACTION: {
    kind: 'usage',
    message: '{file}:{line}: compact is set, and the raw topic {topic} is not compacted.',
    action: 'Leave compact out, or set cleanup.policy=compact on the raw topic.',
  },
  ERR_POLICY_KEY_COMPACTION: {
    kind: 'usage',
    message:
      '{file}:{line}: {method} does not keep the record keys of {topic} apart, and compaction leaves one record for each key.',
    action:
      'Leave compact out, so that the sanitized topic has cleanup.policy=delete; or use keep, encrypt-deterministic, or a pseudonym without normalize and merged persons for the tag of the key.',
  },
  ERR_POLICY_LOOKS_LIKE_PHI: {
    kind: 'hold',
    ends: 'policy',
    message:
      '{file}:{line}: the field {path} of {topic} is untagged and its name looks like PHI: {tag}, by {words}.',
    action: 'Tag it {tag}, or as what it is; PHI_NONE if it was reviewed and is not PHI. See docs/lint.md.',
  },
  ERR_POLICY_MAY_BE_PHI: {
    kind: 'usage',
    message: '{file}:{line}: {path} of {topic} is untagged and may be PHI: {tag}, by {words}.',
    action:
      'Look at it, and tag it as what it is; PHI_NONE if it is not PHI. This is a warning and stops nothing.',
  },
  ERR_POLICY_HEADER_REASON: {
    kind: 'usage',
    message: '{file}:{line}: a header of {topic} is kept without a reason.',
    action: 'Say why it holds no PHI.',
  },
  ERR_POLICY_EXAMPLE: {
    kind: 'usage',
    message: '{file}:{line}: the example for {path} of {topic} does not give what the policy expects.',
    action: 'Correct the example or the policy.',
  },
  ERR_POLICY_RAW_TOPIC_MISSING: {
    kind: 'usage',
    message: 'A policy covers the topic {topic}, which does not exist.',
    action: 'Make the raw topic first, or take it out of the policy.',
  },
  ERR_POLICY_ABSENT: {
    kind: 'hold',
    ends: 'policy',
    message: 'No applied policy of {audience} covers {topic}.',
    action: 'Run `gauze apply`.',
  },
  ERR_POLICY_UNAPPROVED: {
    kind: 'hold',
    ends: 'policy',
    message:
      'The policy of {audience} at offset {offset} of the policy log opens something without a decision about exactly that; what was in force before it stays in force.',
    action: 'Run `gauze apply`: it says what opens, asks the privacy officers and applies what they approve.',
  },
  ERR_POLICY_REQUESTER: {
    kind: 'usage',
    message: 'This has to be done in the name of a person, and nobody answers for {actual}.',
    action: 'Name the person in `owners:` of the config file: `owners: { "{actual}": <id of the person> }`.',
  },
  ERR_POLICY_DENIED: {
    kind: 'usage',
    message: 'The change of the policy of {audience} was denied: request {actual}.',
    action: 'See why with `gauze requests`; change the policy, or go back to the one in force.',
  },
  ERR_POLICY_LOG_BEHIND: {
    kind: 'hold',
    ends: 'recheck',
    message:
      'The policy log read here ends before the version that {audience} used on {topic} partition {partition}.',
    action: 'Check that gauze.policies was not truncated or made again.',
  },
  ERR_ACCESS_LOG_CLOSED: {
    kind: 'stop',
    message: 'The approval service is ending; nothing was appended to the access log.',
    action: 'Ask again: another instance, or this one after its start, answers.',
  },
  ERR_ACCESS_LOG_CORRUPT: {
    kind: 'stop',
    message: 'The entry at offset {offset} of the access log cannot be read.',
    action:
      'Nothing about approvals can be known beyond that entry, so nothing goes on. Find out who else can write to the access log; restore it from a copy.',
  },
  ERR_ACCESS_LOG_UNAVAILABLE: {
    kind: 'outage',
    message: 'The access log did not answer in time; it is not known whether the entry was taken in.',
    action: 'Look at the request again, or repeat it with the same idempotency key: it counts once.',
  },
  ERR_POLICY_LOG_CORRUPT: {
    kind: 'stop',
    message: 'The entry {offset} of the policy log cannot be read.',
    action: 'Check who may write to gauze.policies; it must never be compacted or truncated.',
  },
  // ---- the HTTP interface of approvals
  ERR_HTTP_API_UNREACHABLE: {
    kind: 'outage',
    message: 'The approval API at {host}:{port} does not answer as one.',
    action: 'Start it with `gauze run --role approvals`, or say where it is in http.publicUrl of the config.',
  },
  ERR_HTTP_BODY_SYNTAX: {
    kind: 'usage',
    message: 'The body is not well-formed JSON.',
    action: 'Send one JSON object with Content-Type: application/json.',
  },
  ERR_HTTP_INVALID: {
    kind: 'usage',
    message: 'The request does not fit its description; parts that do not: {count}.',
    action: 'Correct what `errors` lists; GET /openapi.json describes every request.',
  },
  ERR_HTTP_TOO_LARGE: {
    kind: 'usage',
    message: 'The request is larger than {limit} bytes.',
    action: 'Send less; name persons in several requests.',
  },
  ERR_HTTP_MEDIA_TYPE: {
    kind: 'usage',
    message: 'The body has a media type other than {expected}.',
    action: 'Send JSON with Content-Type: application/json.',
  },
  ERR_HTTP_FORM_FIELD: {
    kind: 'usage',
    message: 'What stands in {setting} does not fit.',
    action: 'Correct it as the page says, and send the form again.',
  },
  ERR_HTTP_FORGED: {
    kind: 'usage',
    message: 'The form does not come from a page that this browser was given for this log-in.',
    action: 'Nothing was done. Open the page again and send its own form.',
  },
  ERR_HTTP_LOGGED_OUT: {
    kind: 'usage',
    message: 'Nobody is logged in here any more.',
    action: 'Nothing was done. Log in again and send the form once more.',
  },
  ERR_HTTP_LOG_IN: {
    kind: 'usage',
    message: 'The log-in did not come to an end ({causeName}).',
    action: 'Log in again, in one window, and within ten minutes.',
  },
  ERR_HTTP_PROXY: {
    kind: 'hold',
    ends: 'recheck',
    message: 'The pages are to be reached by https, and the request did not come that way.',
    action:
      'Set http.tls, or list the proxy that does TLS in http.trustedProxies and have it send X-Forwarded-Proto: https.',
  },
  ERR_HTTP_BAD_REQUEST: {
    kind: 'usage',
    message: 'The request is not a well-formed HTTP request.',
    action: 'Correct its line, its path or its headers.',
  },
  ERR_HTTP_NOT_FOUND: {
    kind: 'usage',
    message: 'There is nothing at this path.',
    action: 'GET /openapi.json lists all paths.',
  },
  ERR_HTTP_METHOD: {
    kind: 'usage',
    message: 'This path does not take that method.',
    action: 'Use one of those that the header Allow lists.',
  },
  ERR_HTTP_RATE: {
    kind: 'usage',
    message: 'More than {limit} requests in a minute came from this {setting}.',
    action: 'Wait as long as Retry-After says.',
  },
  ERR_HTTP_CLOSING: {
    kind: 'stop',
    message: 'The approval service is ending and takes no more requests.',
    action: 'Ask again: another instance, or this one after its start, answers.',
  },
  ERR_HTTP_LISTEN: {
    kind: 'usage',
    message: 'The address {host}:{port} cannot be listened on ({causeName}).',
    action: 'Change http.host or http.port, or end what listens there.',
  },
  ERR_RUN_NOBODY: {
    kind: 'usage',
    message:
      'Policies are in force, and no instance has given a sign of life for {limit} s: nothing is masked.',
    action:
      'Start one with `gauze run`, or see in its log why it ended. Records wait, and none is lost meanwhile.',
  },
  ERR_RUN_INSTANCE_REPLACED: {
    kind: 'stop',
    message: 'Another process runs as the instance {instance} and has its partitions; this one has ended.',
    action: 'Give each process an --instance-id of its own. Nothing is lost: whoever came last goes on.',
  },
  ERR_RUN_WORKER_START: {
    kind: 'stop',
    message: 'A worker ended before it had ever started ({state}).',
    action: 'Mend what it has logged just before; the other workers were drained.',
  },
  ERR_STATUS_LISTEN: {
    kind: 'usage',
    message: 'The address {host}:{port} cannot be listened on for metrics and health ({causeName}).',
    action: 'Change metrics.host or metrics.port, or end what listens there; port 0 takes a free one.',
  },
  // ---- requests for raw access, before they reach the log
  ERR_ACCESS_NOT_VISIBLE: {
    kind: 'usage',
    message: 'There is no such request, grant or lock, or it is not for you to see.',
    action: 'Check the id; those who ask, decide, supervise or audit see it.',
  },
  ERR_ACCESS_REASON_PHI: {
    kind: 'usage',
    message: '{setting} holds what looks like an identifier of a patient ({expected}).',
    action: 'Say why without naming anybody: persons, times and tickets have fields of their own.',
  },
  ERR_ACCESS_TOPIC_UNKNOWN: {
    kind: 'usage',
    message: 'There is no raw topic of that name, or no applied policy covers it for that audience.',
    action: 'Name a topic and an audience whose policy covers it; `gauze status` lists both.',
  },
  ERR_ACCESS_FIELD_UNKNOWN: {
    kind: 'usage',
    message: '{setting} is neither a field of the topic nor a tag that one of its fields has.',
    action: 'Use paths and tags of `gauze explain`.',
  },
  ERR_ACCESS_NOTHING_TO_REVEAL: {
    kind: 'usage',
    message: 'The audience sees everything in clear that was asked for: nothing would be gained.',
    action: 'Read the sanitized topic of that audience.',
  },
  ERR_ACCESS_RANGE_EMPTY: {
    kind: 'usage',
    message: 'No record of the topic lies between the times given.',
    action: 'Choose other times; without them everything up to now is meant.',
  },
  ERR_ACCESS_OWNER_UNKNOWN: {
    kind: 'usage',
    message: 'No human answers for the principal that is to read.',
    action: 'Add it under owners: in the config, with the person who answers for it.',
  },
  ERR_ACCESS_LOCK_VALUE: {
    kind: 'usage',
    message: 'The value of the lock is not one that a lock on a {expected} can have.',
    action: 'Give a principal as User:name, a tag of docs/reference/tags.md, a topic by its name.',
  },
  ERR_ACCESS_NO_SCOPE: {
    kind: 'usage',
    message: 'The request is about a policy, which reveals no records by itself.',
    action: 'Look at what the policy opens; `gauze plan` shows the difference.',
  },
  ERR_ACCESS_SAMPLE_READER: {
    kind: 'usage',
    message: 'A sample is shown only to people whose own principal reads that audience.',
    action: 'Decide by the counts and fields, or ask somebody who reads the audience.',
  },
  // ---- rules of the access log: an entry that is refused changes nothing
  ERR_ACCESS_SCOPE_ORDER: {
    kind: 'usage',
    message: 'The scope is not in canonical order, so it has no hash.',
    action: 'Sort schemas, fields, tags, partitions, persons and days, each once, and hash it again.',
  },
  ERR_ACCESS_SCOPE_INVALID: {
    kind: 'usage',
    message: 'The scope is not one that a grant could be made of (fields, ranges, caps, time or window).',
    action: 'Ask again with at least one field, caps and a time above zero, and a window in a known zone.',
  },
  ERR_ACCESS_RULES_UNAPPROVED: {
    kind: 'usage',
    message: 'The access rules have been changed, and no privacy officer has approved the change yet.',
    action: 'Run `gauze apply`, which asks them; until they have decided, put the rules back as they were.',
  },
  ERR_ACCESS_SCOPE_HASH: {
    kind: 'usage',
    message: 'The hash that came with the scope is not the hash of that scope.',
    action: 'Ask again; if it stays so, the sender computes the hash otherwise than gauze does.',
  },
  ERR_ACCESS_SCOPE_STALE: {
    kind: 'usage',
    message: 'The decision names another scope than the one that is asked for now.',
    action: 'Look at the request again, it has been narrowed; then decide about what it says now.',
  },
  ERR_ACCESS_NOT_NARROWER: {
    kind: 'usage',
    message: 'The scope in the decision is not within the scope that was asked for.',
    action: 'An approver can only narrow; who needs more or something else asks anew.',
  },
  ERR_ACCESS_ENTRY_INCOMPLETE: {
    kind: 'usage',
    message: 'The entry lacks what its kind needs, or says two things that exclude each other.',
    action: 'Send it again as the reference of the API describes it.',
  },
  ERR_ACCESS_UNKNOWN: {
    kind: 'usage',
    message: 'The access log knows no request, grant or lock of that id.',
    action: 'Check the id.',
  },
  ERR_ACCESS_ID_USED: {
    kind: 'usage',
    message: 'The id is in use already.',
    action: 'Send it again under a new id.',
  },
  ERR_ACCESS_KEY_REUSED: {
    kind: 'usage',
    message: 'The idempotency key was used by the same person for something else in the last 24 hours.',
    action: 'Use a new key for each new thing, and the same only to repeat one.',
  },
  ERR_ACCESS_NOT_HUMAN: {
    kind: 'usage',
    message: 'This is for people to do, and a service or a machine tried.',
    action: 'Log in as yourself.',
  },
  ERR_ACCESS_NOT_SYSTEM: {
    kind: 'usage',
    message: 'This is for the processes of gauze to report, and somebody else tried.',
    action: 'Leave it to gauze; people revoke, lock and resume.',
  },
  ERR_ACCESS_DELEGATE: {
    kind: 'usage',
    message: 'Nobody can do this on behalf of somebody else.',
    action: 'Do it in your own name, or let the other person do it.',
  },
  ERR_ACCESS_SELF: {
    kind: 'usage',
    message:
      'Nobody decides about what they asked for themselves, or what a machine account of theirs would read.',
    action: 'Let somebody else with that role decide.',
  },
  ERR_ACCESS_ROLE: {
    kind: 'usage',
    message: 'The roles of this person do not include one that may do this now.',
    action: 'The request says which role its present stage asks for; let somebody decide who holds it.',
  },
  ERR_ACCESS_ALREADY_VOTED: {
    kind: 'usage',
    message: 'This person has approved this request already, and counts once over all stages.',
    action: 'Nothing; the vote stands. To take it back, deny the request while it is pending.',
  },
  ERR_ACCESS_LATE: {
    kind: 'usage',
    message: 'The request is not pending any more.',
    action: 'Its state says what became of it; if need be, ask again.',
  },
  ERR_ACCESS_STATE: {
    kind: 'usage',
    message: 'The present state does not allow this.',
    action: 'Look at the state that came with the answer; it may have been done already.',
  },
  ERR_ACCESS_NOT_YET: {
    kind: 'usage',
    message: 'The time for this has not come yet, by the clock of the access log.',
    action: 'Do it again later; a timer that came early is repeated.',
  },
  ERR_ACCESS_WINDOW: {
    kind: 'usage',
    message: 'The grant can be active within its window only, and the window is not open.',
    action: 'Wait for the window.',
  },
  ERR_ACCESS_LOCKED: {
    kind: 'usage',
    message: 'A lock on a person, principal, topic, tag or patient forbids this.',
    action: 'Ask the privacy officers, who place and lift locks.',
  },
  ERR_ACCESS_REASON_MISSING: {
    kind: 'usage',
    message: 'The request says no reason.',
    action: 'Say in a sentence what it is for, without naming a patient.',
  },
  ERR_ACCESS_STAGES: {
    kind: 'usage',
    message: 'Nobody would have to decide about this request, although it reveals or opens something.',
    action: 'Give the rule stages of approvers; only fields tagged PHI_NONE alone go without.',
  },
  ERR_ACCESS_DURATION: {
    kind: 'usage',
    message: 'The time asked for, with all grants that it prolongs, is longer than the rule allows.',
    action: 'Ask for less time, or ask anew without prolonging.',
  },
  ERR_ACCESS_EXTENDS: {
    kind: 'usage',
    message: 'The grant to be prolonged is not a live one of the same beneficiary on the same topic.',
    action: 'Ask anew, without prolonging.',
  },
  ERR_ACCESS_EMERGENCY_EXTENDS: {
    kind: 'usage',
    message: 'Emergency access can neither prolong a grant nor be prolonged.',
    action: 'Make an ordinary request.',
  },
  ERR_ACCESS_EMERGENCY_LIVE: {
    kind: 'usage',
    message: 'This person, or this reader, has emergency access to the topic already.',
    action: 'Use it; when it has ended, ask again or make an ordinary request.',
  },
  ERR_ACCESS_REVIEW_OVERDUE: {
    kind: 'usage',
    message: 'The review of an earlier emergency access of this person is overdue.',
    action: 'Ask the privacy officers for the review, or make an ordinary request.',
  },
  ERR_ACCESS_NO_REVIEW: {
    kind: 'usage',
    message: 'This grant has no review to be done.',
    action: 'Only emergency access that became active is reviewed, once.',
  },
  ERR_ACCESS_LOG_ORDER: {
    kind: 'stop',
    message: 'The access log went back: offset {offset} came where {expected} or later was expected.',
    action: 'Restart this instance; it reads the log again from its beginning.',
  },
  // ---- who somebody is
  ERR_HTTP_TOKEN_MISSING: {
    kind: 'usage',
    message: 'The request has no access token.',
    action: 'Log in with `gauze login`, or send the header Authorization: Bearer with an access token.',
  },
  ERR_HTTP_TOKEN_MALFORMED: {
    kind: 'usage',
    message: 'The access token is not a signed JWT.',
    action: 'Log in again. The identity provider must issue access tokens as JWT (RFC 9068).',
  },
  ERR_HTTP_TOKEN_ALGORITHM: {
    kind: 'usage',
    message: 'The access token is not signed, or not with RS256, PS256, ES256 or EdDSA.',
    action: 'Let the identity provider sign access tokens with one of these.',
  },
  ERR_HTTP_TOKEN_SIGNATURE: {
    kind: 'usage',
    message: 'The access token was not signed by the identity provider.',
    action: 'Log in again.',
  },
  ERR_HTTP_TOKEN_ISSUER: {
    kind: 'usage',
    message: 'The access token is of another issuer.',
    action: 'Log in again at the identity provider of `oidc.issuer`.',
  },
  ERR_HTTP_TOKEN_AUDIENCE: {
    kind: 'usage',
    message: 'The access token is for another audience.',
    action: 'Log in again; `oidc.scope` must make the identity provider issue tokens for `oidc.audience`.',
  },
  ERR_HTTP_TOKEN_EXPIRED: {
    kind: 'usage',
    message: 'The access token has expired.',
    action: 'Log in again.',
  },
  ERR_HTTP_TOKEN_NOT_YET: {
    kind: 'usage',
    message: 'The access token is not valid yet.',
    action: 'Compare the clocks of this machine and of the identity provider.',
  },
  ERR_HTTP_TOKEN_TYPE: {
    kind: 'usage',
    message: 'The token is not an access token.',
    action: 'Send the access token, not the ID token.',
  },
  ERR_HTTP_TOKEN_CLAIM: {
    kind: 'usage',
    message: 'The claim {setting} of the access token is missing or unusable.',
    action:
      'Let the identity provider put it into access tokens; `oidc.idClaim` says which one tells people apart.',
  },
  ERR_HTTP_TOKEN_GROUPS: {
    kind: 'usage',
    message: 'The access token does not list the groups of the person in the claim {setting}.',
    action:
      'Let the identity provider put the groups into access tokens; `oidc.groupsClaim` names the claim.',
  },
  ERR_HTTP_TOKEN_ROLES: {
    kind: 'usage',
    message: 'No group of the person has a role here.',
    action: 'Ask for membership in a group that `roles` of the config names.',
  },
  ERR_HTTP_TOKEN_OWNER: {
    kind: 'usage',
    message: 'No human answers for this machine account.',
    action: 'Add `User:` and its client id to `owners` of the config.',
  },
  ERR_HTTP_ISSUER_UNREACHABLE: {
    kind: 'outage',
    message: 'The identity provider did not give its description or its keys ({causeName}).',
    action:
      'Check oidc.issuer and that the identity provider answers at its /.well-known/openid-configuration.',
  },
  ERR_LOGIN_NEEDED: {
    kind: 'usage',
    message: 'Nobody is logged in here, or the log-in has ended.',
    action: 'Run `gauze login`.',
  },
  ERR_LOGIN_UNCONFIGURED: {
    kind: 'usage',
    message: 'The config names no identity provider.',
    action: 'Add oidc.issuer and oidc.audience to the config.',
  },
  ERR_LOGIN_FILE_PERMISSIONS: {
    kind: 'usage',
    message: 'Others than its owner can read the log-in kept in {file}.',
    action: 'Run `gauze logout`, then `gauze login`: what others could read must not be used any more.',
  },
  ERR_LOGIN_DENIED: {
    kind: 'usage',
    message: 'The log-in was refused in the browser.',
    action: 'Run `gauze login` again if that was not meant.',
  },
  ERR_LOGIN_LATE: {
    kind: 'usage',
    message: 'The code was not entered in time.',
    action: 'Run `gauze login` again.',
  },
  ERR_LOGIN_FAILED: {
    kind: 'outage',
    message: 'The log-in did not work: the identity provider gave no usable answer ({causeName}).',
    action: 'Check oidc.issuer, and that the client oidc.cliClientId may use the device authorization grant.',
  },
  // ---- access rules
  ERR_ACCESS_SETTING_UNKNOWN: {
    kind: 'usage',
    message: '{file}:{line}: access rules have no setting {setting}.',
    action: 'Remove it or correct its spelling.',
  },
  ERR_ACCESS_SETTING_MISSING: {
    kind: 'usage',
    message: '{file}:{line}: the setting {setting} is missing.',
    action: 'Add it: a rule without it would have no limit there.',
  },
  ERR_ACCESS_SETTING_WRONG: {
    kind: 'usage',
    message: '{file}:{line}: {setting} must be {expected}.',
    action: 'Correct the rule.',
  },
  ERR_ACCESS_ROLE_UNKNOWN: {
    kind: 'usage',
    message: '{file}:{line}: {setting} names a role that the config does not have under `roles`.',
    action: 'Correct its spelling, or add the role and its groups to the config.',
  },
  ERR_ACCESS_TAG_UNKNOWN: {
    kind: 'usage',
    message: '{file}:{line}: {setting} is not a tag.',
    action: 'Correct its spelling; docs/reference/tags.md lists all tags.',
  },
  ERR_ACCESS_PURPOSE_UNKNOWN: {
    kind: 'usage',
    message: '{file}:{line}: {setting} is not a code of the HL7 value set PurposeOfUse.',
    action: 'Use a code such as TREAT, HPAYMT, HOPERAT or HRESCH.',
  },
  ERR_ACCESS_AUTO_APPROVE: {
    kind: 'usage',
    message: '{file}:{line}: {setting} lets be approved automatically what may be PHI.',
    action: 'List under `fields` only paths without PHI tags and PHI_NONE, or name stages of approvers.',
  },
  ERR_ACCESS_APPROVERS_UNKNOWN: {
    kind: 'usage',
    message: 'Nobody has the role {role}, which {setting} needs: the config gives it no group.',
    action: 'Give the role its groups under `roles` in the config.',
  },
  ERR_ACCESS_RULE_TOPIC: {
    kind: 'usage',
    message: 'No access rule is about {topic}.',
    action: 'Ask a privacy officer whether there should be one.',
  },
  ERR_ACCESS_RULE_UNCOVERED: {
    kind: 'usage',
    message: 'The rule {setting} is about {topic}, which no policy covers: nothing could be granted by it.',
    action: 'Correct the name, or write a policy for an audience of that topic.',
  },
  ERR_ACCESS_RULE_REQUESTER: {
    kind: 'usage',
    message: 'No access rule lets you ask for {topic}; {setting} asks for one of these roles: {expected}.',
    action: 'Ask for the role at your identity provider, or let somebody ask who has it.',
  },
  ERR_ACCESS_RULE_EMERGENCY: {
    kind: 'usage',
    message: 'No access rule lets you break the glass for {topic}.',
    action: 'Ask for access in the ordinary way; break-glass is for people named beforehand.',
  },
  ERR_ACCESS_RULE_FIELD: {
    kind: 'usage',
    message: 'The rule {setting} does not let {path} be asked for.',
    action: 'Leave the field out. A field may be asked for by its path, or where the rule has all its tags.',
  },
  ERR_ACCESS_RULE_PURPOSE: {
    kind: 'usage',
    message: 'The rule {setting} does not allow this purpose; it allows {expected}.',
    action: 'Ask for the purpose that is true; if the rule lacks it, ask a privacy officer.',
  },
  ERR_ACCESS_RULE_CAP: {
    kind: 'usage',
    message: 'The rule {setting} allows from 1 to {limit} as {expected}.',
    action: 'Ask for less.',
  },
  // ---- the approval queue and notifications
  ERR_REDIS_UNREACHABLE: {
    kind: 'outage',
    message: 'Redis does not answer ({causeName}).',
    action:
      'Check redis.url and that Redis is up. Until then nothing is activated and nobody is told; grants end on time all the same.',
  },
  ERR_NOTIFY_ADDRESS: {
    kind: 'usage',
    message: '{setting} must be {expected}.',
    action: 'Correct the address: notifications travel encrypted, or stay on this machine.',
  },
  ERR_NOTIFY_SEND: {
    kind: 'outage',
    message: 'A notification by {setting} was not taken ({causeName}, status {status}).',
    action: 'Check the receiver; it is tried again some times.',
  },
  ERR_NOTIFY_RECIPIENTS: {
    kind: 'outage',
    message: 'The mail server refused {count} of the addresses of a notification.',
    action: 'Check the addresses under notifications.mail; the others have got it.',
  },
  // ---- keys
  ERR_KEY_FILE: {
    kind: 'usage',
    message: 'The keyring {file} is not there, cannot be read, or is no keyring of gauze.',
    action:
      'Check keys.file. A site at work needs its own keyring back: with another one everybody gets other pseudonyms. `gauze keys init` makes the first one.',
  },
  ERR_KEY_FILE_PERMISSIONS: {
    kind: 'usage',
    message: 'The keyring {file} can be read by others than its owner.',
    action: 'Make it readable by its owner alone: `chmod 600 {file}`.',
  },
  ERR_PERSONS_FILE: {
    kind: 'usage',
    message: 'The file of merged persons {file} cannot be read.',
    action: 'Check persons.aliasFile: its path, and that this user may read it.',
  },
  ERR_PERSONS_FILE_PERMISSIONS: {
    kind: 'usage',
    message: 'The file of merged persons {file} can be read by others than its owner.',
    action: 'Make it readable by its owner alone: `chmod 600 {file}`.',
  },
  ERR_PERSONS_LINE: {
    kind: 'usage',
    message: '{file}:{line}: expected {expected}.',
    action: 'Correct the line; docs/audit.md says what stands in the file of merged persons.',
  },
  ERR_PERSONS_AMBIGUOUS: {
    kind: 'hold',
    ends: 'policy',
    message:
      'The file of merged persons has identifiers of two persons that are one once {audience} normalises them.',
    action: 'Correct the file, or let the policy normalise less; then `gauze apply`.',
  },
  ERR_PERSONS_LIST_MISSING: {
    kind: 'hold',
    ends: 'recheck',
    message:
      'The policy of {audience} pins a file of merged persons by its hash, and this host has none with it.',
    action:
      'Put the file at persons.aliasFile, readable by its owner alone; an older one beside it, as <file>.<hash>.',
  },
  ERR_POLICY_ALIASES: {
    kind: 'usage',
    message:
      '{file}:{line}: persons.aliasFile does not have the hash that the policy of {audience} pins, but {actual}.',
    action: 'Write the hash of the file that is meant; each lane takes it at one recorded offset.',
  },
  ERR_KEY_TEXT_CLOSED: {
    kind: 'usage',
    message: '{count} of the texts do not open with the keys of {audience} for what was said about them.',
    action:
      'Check audience, grant, method, and topic id, partition and path, or domain. What was changed or moved never opens.',
  },
  ERR_KEY_EPOCH_MISSING: {
    kind: 'hold',
    ends: 'recheck',
    message: 'The keyring has no key of epoch {expected} for {audience}.',
    action: 'Give this instance the keyring that `gauze keys rotate` has written, and start it again.',
  },
  ERR_KEY_MISSING: {
    kind: 'usage',
    message: 'The keyring has no key for {audience}.',
    action: 'Add one with `gauze keys init`.',
  },
  // ---- one record
  ERR_DECODE_MAGIC: {
    kind: 'withhold',
    message: 'The value does not begin with the registry prefix (magic byte 0).',
    action: 'Find the producer; the record stays in the raw topic.',
  },
  ERR_DECODE_TRUNCATED: {
    kind: 'withhold',
    message: 'The value ends before its schema does.',
    action: 'Find the producer; the record stays in the raw topic.',
  },
  ERR_DECODE_TRAILING: {
    kind: 'withhold',
    message: 'The value goes on after its schema has ended.',
    action: 'Find the producer; the record stays in the raw topic.',
  },
  ERR_DECODE_VALUE: {
    kind: 'withhold',
    message:
      'The value is not a value of its schema (union branch, enum symbol, length, count or varint out of range).',
    action: 'Find the producer; the record stays in the raw topic.',
  },
  ERR_DECODE_DEPTH: {
    kind: 'withhold',
    message: 'A record inside itself is nested more than {limit} levels deep.',
    action: 'Ask the producer; the record is withheld for all audiences.',
  },
  ERR_DECODE_BOMB: {
    kind: 'withhold',
    message: 'The value declares more items than are allowed for its size.',
    action: 'Find the producer; the record stays in the raw topic.',
  },
  ERR_MASK_PERSON_MISSING: {
    kind: 'withhold',
    message: 'The record does not say whom it is about, and the plan needs it.',
    action: 'Find the producer; the record stays in the raw topic.',
  },
  ERR_MASK_RANGE: {
    kind: 'withhold',
    message: 'A value lies outside the range that its method can take.',
    action: 'Find the producer; the record stays in the raw topic.',
  },
  ERR_MASK_DICTIONARY: {
    kind: 'withhold',
    message:
      'A text needs the person dictionary, and this reader has none: grants and samples read without it.',
    action: 'Nothing to mend: a text is never shown less scrubbed than its policy says.',
  },
  ERR_MASK_DATE_TEXT: {
    kind: 'withhold',
    message: 'A text is not of the form that its method takes: an ISO 8601 or HL7 date, or an age in years.',
    action: 'Find the producer, or choose drop or redact for this field.',
  },
  ERR_MASK_FORMAT: {
    kind: 'withhold',
    message:
      'A value is not of the format that its method keeps: too short for a million values, or with other characters.',
    action: 'Widen alphabet or separators of format-preserving, or use encrypt-deterministic or pseudonym.',
  },
  ERR_MASK_NULL_VALUE: {
    kind: 'withhold',
    message: 'The record has no value, and its key is dropped for this audience.',
    action: 'Give the key a one-to-one method if tombstones matter to this audience.',
  },
  ERR_PUBLISH_TOO_LARGE: {
    kind: 'withhold',
    message: 'The masked record is larger than the sanitized topic takes.',
    action: 'Raise max.message.bytes of the sanitized topic, then `gauze redrive`.',
  },
  ERR_WITHHELD_SENSITIVE: {
    kind: 'withhold',
    message: 'The record holds a code that makes it sensitive, and this audience does not get such records.',
    action: 'Nothing: the policy says so under `sensitive`.',
  },
  ERR_WITHHELD_BY_PERSON: {
    kind: 'withhold',
    message: 'A person had this record withheld with `gauze resume --withhold`.',
    action: 'See the reason in the policy log.',
  },
  // ---- redrive
  ERR_REDRIVE_SUPERSEDED: {
    kind: 'withhold',
    message:
      'The record stays withheld: a later record has its key, and in a compacted topic it would take its place.',
    action: 'Nothing: what the key stands for now is the later record.',
  },
  ERR_REDRIVE_GONE: {
    kind: 'withhold',
    message: 'The withheld record is no longer in the raw topic.',
    action: 'Keep raw records for longer than it takes to mend what they are withheld for.',
  },
  ERR_REDRIVE_LANE_MOVED: {
    kind: 'stop',
    message: 'The lane {audience} of {topic} partition {partition} was ordered elsewhere during the redrive.',
    action: 'Wait until the lane has taken the order up, then run `gauze redrive` again.',
  },
  ERR_REDRIVE_TAKEN_OVER: {
    kind: 'stop',
    message: 'Another redrive of {audience} on {topic} partition {partition} has begun.',
    action: 'Leave it to the other one; nothing was published twice.',
  },
  ERR_WITHHELD_LOG_CORRUPT: {
    kind: 'stop',
    message: 'The entry at {topic} partition {partition} offset {offset} is not one that gauze has written.',
    action: 'Find out who may write to that topic; nothing is redriven before it is mended.',
  },
  // ---- lanes
  ERR_LANE_OFFSET_LOST: {
    kind: 'hold',
    ends: 'resume',
    message:
      'The lane {audience} of {topic} partition {partition} was started before but has no committed offset.',
    action:
      'Find out who deleted it; then `gauze resume {audience} {topic} {partition} --from-audit --reason ...`.',
  },
  ERR_LANE_OFFSET_MOVED: {
    kind: 'hold',
    ends: 'resume',
    message:
      'The committed offset of {audience} on {topic} partition {partition} was not written by its lane.',
    action: 'Find out who set it; then `gauze resume` says from where.',
  },
  ERR_LANE_OFFSET_BEHIND: {
    kind: 'hold',
    ends: 'recheck',
    message:
      'The broker says that {audience} on {topic} partition {partition} got to {offset}; its audit events say it got further.',
    action:
      'A coordinator that has not loaded all offsets says so for a while, and the lane goes on by itself. If it lasts, restart the broker that coordinates the group, or `gauze resume {audience} {topic} {partition} --from-audit --reason ...`.',
  },
  ERR_LANE_RAW_RECREATED: {
    kind: 'hold',
    ends: 'resume',
    message: 'The raw topic {topic} is another one than the lane {audience} has read so far.',
    action:
      'If that was intended: `gauze resume {audience} {topic} {partition} --from earliest --reason ...`.',
  },
  ERR_LANE_TARGET_RECREATED: {
    kind: 'hold',
    ends: 'resume',
    message: 'The sanitized topic of {topic} for {audience} is another one than the lane has written so far.',
    action:
      '`gauze resume {audience} {topic} {partition} --from earliest` fills it again; `--from committed` goes on.',
  },
  ERR_LANE_TARGET_TIMESTAMPS: {
    kind: 'hold',
    ends: 'recheck',
    message: 'The topic {topic} keeps the times that producers write, and {audience} is to have none.',
    action:
      'Set message.timestamp.type=LogAppendTime on it: records without a time would be deleted by its retention at once.',
  },
  ERR_LANE_RETENTION: {
    kind: 'hold',
    ends: 'resume',
    message: 'Retention has deleted records of {topic} partition {partition} that {audience} had not read.',
    action:
      'The loss is final; `gauze resume {audience} {topic} {partition} --from earliest --reason ...` goes on after it.',
  },
  // ---- grants at work
  ERR_GRANT_TAGS_CHANGED: {
    kind: 'hold',
    ends: 'policy',
    message: 'The field {path} of {topic} has got tags that were not there when its release was decided.',
    action: 'Nothing more is delivered under that grant; who needs the field asks anew.',
  },
  ERR_GRANT_STATE_CORRUPT: {
    kind: 'stop',
    message: 'The record at offset {offset} of {topic} partition {partition} cannot be read.',
    action: 'No grant of that partition goes on. Find out who else can write to that topic.',
  },
  ERR_GRANT_PROGRESS_CORRUPT: {
    kind: 'hold',
    ends: 'recheck',
    message: 'What the grant {grant} has taken so far cannot be read at offset {offset} of {topic}.',
    action: 'The grant stands still. Find out who else can write to that topic.',
  },
  ERR_GRANT_POSITION: {
    kind: 'hold',
    ends: 'recheck',
    message:
      'Committed offset and progress of the grant {grant} disagree about {topic} partition {partition}.',
    action: 'The grant stands still: find out who moved or deleted the offset. Revoke it and ask anew.',
  },
  ERR_GRANT_TOKEN_EPOCH: {
    kind: 'hold',
    ends: 'recheck',
    message: 'The grant {grant} names persons by tokens of a key epoch that the keyring does not have.',
    action: 'Restore the key of that epoch, or revoke the grant and ask anew.',
  },
  ERR_GRANT_LEASE: {
    kind: 'hold',
    ends: 'recheck',
    message:
      'The range leased to the grant {grant} on {topic} partition {partition} now holds more records or other persons than were counted.',
    action: 'The grant stands still. Find out what changed the plan or the raw topic; revoke and ask anew.',
  },
  ERR_GRANT_LATE_APPEND: {
    kind: 'stop',
    message: 'The broker appended records to the topic of the grant {grant} when its time was over.',
    action:
      'The topic has been deleted and the grant delivers nothing more. Compare the clocks of brokers and instances.',
  },
  ERR_GRANT_NOT_ALLOWED: {
    kind: 'stop',
    message: 'The grant {grant} may not deliver any more.',
    action: 'None: its state says why.',
  },
  ERR_GRANT_STATE_STALE: {
    kind: 'outage',
    message: 'The state of the grant {grant} has not been confirmed for too long.',
    action: 'Check the topic of grant states for a transaction that does not end, and its brokers.',
  },
  ERR_GRANT_BENEFICIARY: {
    kind: 'hold',
    ends: 'recheck',
    message: 'The beneficiary of the grant {grant} is no single Kafka user, or is one of gauze itself.',
    action: 'Ask anew with the user who will read, as `User:name`.',
  },
  ERR_GRANT_WIDER_RIGHT: {
    kind: 'hold',
    ends: 'recheck',
    message: 'A standing rule lets others than the grantee read {topic}.',
    action: 'Remove rules that allow READ on `*` or on a beginning of the names of grant topics.',
  },
  ERR_GRANT_UNPROVEN: {
    kind: 'outage',
    message: 'Not every broker showed the change to {topic} in {limit} ms.',
    action: 'Tried again; if it stays, look at the brokers and their controller.',
  },
  // ---- audit
  ERR_AUDIT_EXPORT_DIRECTORY: {
    kind: 'usage',
    message: 'The directory {file} is no raw export of the audit topics, or cannot be read or written.',
    action: 'Name a directory that `gauze audit export --raw` has made, or one that it may make.',
  },
  ERR_AUDIT_EXPORT_FILE: {
    kind: 'usage',
    message: 'The export {file} cannot be written.',
    action: 'Name a place that can be written, and no directory that holds anything but an export.',
  },
  ERR_AUDIT_EXPORT_TILES: {
    kind: 'usage',
    message: '{topic} partition {partition} cannot be written as tlog-tiles; missing: {expected}.',
    action: 'Run `gauze audit verify`; `gauze audit export --raw` copies the topics as they are.',
  },
  ERR_AUDIT_STATE_FILE: {
    kind: 'usage',
    message: 'The state file {file} is not of this log: {expected} differs, or it cannot be read or written.',
    action: 'Name the state file of this log and root, or a new one; verification then begins at the start.',
  },
  ERR_AUDIT_CHAIN: {
    kind: 'hold',
    ends: 'resume',
    message:
      'The audit chain of {audience} on {topic} partition {partition} does not end where its offset says.',
    action: 'Do not resume before an auditor has looked at the audit topic.',
  },
  ERR_AUDIT_INDEX_FILE: {
    kind: 'usage',
    message: 'No index of the audit topics can be kept in {file}, or what stands there is none.',
    action: 'Name another file with --index, or remove what is there: it can be made again from the topics.',
  },
  ERR_AUDIT_INDEX_OTHER: {
    kind: 'usage',
    message: 'The index {file} is about another cluster or prefix, or of another format.',
    action: 'Make it again with `gauze audit index --rebuild`, or name another file with --index.',
  },
  ERR_AUDIT_INDEX_STALE: {
    kind: 'usage',
    message: '{topic} partition {partition} was made anew or has become shorter since {file} was made.',
    action: 'Run `gauze audit verify` and ask who did that; then `gauze audit index --rebuild`.',
  },
  ERR_AUDIT_ROLE: {
    kind: 'usage',
    message: 'Questions to the audit topics are for auditors.',
    action: 'Let somebody ask whom the identity provider and `roles` make an auditor.',
  },
  ERR_AUDIT_DESK_ABSENT: {
    kind: 'usage',
    message: 'The audit topics cannot be asked here: {expected} is not configured for this service.',
    action: 'Add it to the config of the approvals role and start it again, or ask with `gauze audit query`.',
  },
  ERR_AUDIT_DESK_AWAY: {
    kind: 'outage',
    message: 'The work on the audit topics does not answer ({causeName}).',
    action: 'Ask again in a few seconds: it is begun again by itself.',
  },
  ERR_AUDIT_INDEX_BEHIND: {
    kind: 'outage',
    message: 'The index of the audit topics is not up to date: {count} of {limit} records are read.',
    action: 'Ask again when it is; the page of the audit shows how far it has come.',
  },
  ERR_AUDIT_HOLDS_FILE: {
    kind: 'usage',
    message: 'The file {file} of holds or recipients is not as expected: {expected}.',
    action: 'Correct it; `gauze audit disclosures --help` says what stands in them.',
  },
  ERR_AUDIT_TRUST_FILE: {
    kind: 'usage',
    message: 'Line {line} of the trust file is none that a trust file has.',
    action: 'Have it made and signed again by whoever holds the root key.',
  },
  ERR_AUDIT_TRUST_EXISTS: {
    kind: 'usage',
    message: 'The trust file {file} is there, but not the root.vkey that it is checked with.',
    action: 'Put root.vkey beside it, or move the trust file away to begin with a new root key.',
  },
  ERR_AUDIT_TRUST_STALE: {
    kind: 'usage',
    message: 'The trust file {file} knows nothing of some writers of the keyring.',
    action: 'Move it away and run `gauze keys init` with root.key beside it: it signs a new one.',
  },
  ERR_AUDIT_TRUST_DIRECTORY: {
    kind: 'usage',
    message: '{file} cannot be read or made.',
    action: 'Check the directory and its rights.',
  },
  ERR_AUDIT_ARCHIVE: {
    kind: 'usage',
    message: '{file} of the archive is missing, cannot be read or written, or is not as it was archived.',
    action: 'Name the folder of a whole archive; a file of it that was changed is for an auditor to look at.',
  },
  ERR_AUDIT_ARCHIVE_OTHER: {
    kind: 'usage',
    message: 'The archive {file} is of another cluster or another log of seals.',
    action: 'Name the archive of this log, or a new folder.',
  },
  ERR_AUDIT_ARCHIVE_SHORT: {
    kind: 'usage',
    message: 'The archive does not hold all of {topic} partition {partition} up to offset {offset}.',
    action: 'Run `gauze audit archive` with the same folder; nothing is removed that is not archived.',
  },
  ERR_AUDIT_ARCHIVE_DIFFERS: {
    kind: 'usage',
    message: '{topic} partition {partition} is not what was sealed or archived, or its beginning is gone.',
    action: 'Have an auditor run `gauze audit verify`; nothing is archived or removed over it.',
  },
  ERR_AUDIT_NOTHING_SEALED: {
    kind: 'usage',
    message: 'No seal with frontiers, under a checkpoint with its cosignatures, is there before that time.',
    action: 'Have the sealer run and the witnesses answer; every hundredth seal carries frontiers.',
  },
  ERR_AUDIT_NOT_SOUND: {
    kind: 'usage',
    message: 'The log of seals in {topic} is not sound: {actual}.',
    action: 'Have an auditor run `gauze audit verify` before anything is archived or removed.',
  },
  ERR_AUDIT_RETENTION: {
    kind: 'usage',
    message:
      'What is to be removed is younger than audit.retention ({setting}) allows; removable is what is from before: {expected}.',
    action: 'Name an earlier time.',
  },
  ERR_AUDIT_HELD: {
    kind: 'usage',
    message: 'The legal hold {actual} wants kept what is to be removed.',
    action: 'See `gauze audit hold list`; ask whoever placed it.',
  },
  ERR_AUDIT_LANE_END: {
    kind: 'usage',
    message: 'The last event of {actual} would be removed, from which it goes on.',
    action: 'Name an earlier time; a lane without work writes an event once an hour.',
  },
  ERR_AUDIT_DECLARATION_UNSEALED: {
    kind: 'outage',
    message:
      'The declaration was not sealed under a checkpoint with its cosignatures in {limit} s; nothing was removed.',
    action: 'See that sealer and witnesses run, and run the same command again.',
  },
  ERR_AUDIT_TRUST_MISSING: {
    kind: 'usage',
    message: 'This command needs the trust file of the site and its root key.',
    action: 'Set audit.trustFile and audit.rootVkey in the config.',
  },
  ERR_AUDIT_HOLD_UNKNOWN: {
    kind: 'usage',
    message: 'No legal hold {actual} is in force.',
    action: 'See `gauze audit hold list`.',
  },
  ERR_AUDIT_TREE: {
    kind: 'stop',
    message: 'A Merkle tree of {count} leaves has no {expected} here.',
    action: 'Read the tree again from its topic.',
  },
  ERR_AUDIT_NOTE: {
    kind: 'usage',
    message: 'A signed note is malformed; expected: {expected}.',
    action: 'Get the note again from where it was published; as it stands it proves nothing.',
  },
  ERR_AUDIT_NOTE_KEY: {
    kind: 'usage',
    message: 'The text of a key for signed notes is malformed; expected: {expected}.',
    action: 'Copy the whole key, as `gauze witness init` or `gauze keys init` printed it.',
  },
  ERR_AUDIT_NOTE_SIGNATURE: {
    kind: 'usage',
    message: 'A signature under a note is wrong, though its key is known.',
    action: 'Do not trust the note: it was changed, or made by somebody else.',
  },
  ERR_AUDIT_NOTE_UNTRUSTED: {
    kind: 'usage',
    message: 'No key that is trusted here has signed the note.',
    action: 'Check which keys are pinned; if they are right, do not trust the note.',
  },
  ERR_AUDIT_ORIGIN: {
    kind: 'usage',
    message: 'The checkpoint is of another log than the one asked for.',
    action: 'Check the origin that is pinned.',
  },
  ERR_SEAL_LOG: {
    kind: 'stop',
    message: 'The log of seals in {topic} does not hold together at offset or number {offset}.',
    action: 'Nothing is sealed over it: have an auditor run `gauze audit verify` before anything is changed.',
  },
  ERR_SEAL_STATE: {
    kind: 'stop',
    message: 'The audit topic {topic} partition {partition} is not what was sealed.',
    action: 'Nothing is sealed over it: have an auditor run `gauze audit verify` before anything is changed.',
  },
  ERR_SEAL_NOTE: {
    kind: 'stop',
    message: 'The last checkpoint in {topic} does not fit the log of seals.',
    action: 'Nothing is sealed over it: have an auditor run `gauze audit verify` before anything is changed.',
  },
  ERR_SEAL_ORIGIN: {
    kind: 'stop',
    message: 'The seals in {topic} are of another origin than the one in the config.',
    action: 'A log keeps its origin for ever: put `audit.origin` back.',
  },
  ERR_AUDIT_POLICY_FILE: {
    kind: 'usage',
    message: '{file}:{line}: the policy of logs and witnesses is wrong; expected: {expected}.',
    action: 'Correct the line; the format is that of c2sp.org/tlog-policy.',
  },
  ERR_AUDIT_PROOF: {
    kind: 'usage',
    message: 'The proof of an event does not hold; expected: {expected}.',
    action: 'Get the proof again; if it stays so, it proves nothing.',
  },
  ERR_AUDIT_NOT_PROVABLE: {
    kind: 'usage',
    message: 'There is no proof of {topic} partition {partition} offset {offset}; missing: {expected}.',
    action: 'Check the place; what was sealed a moment ago is provable once its checkpoint is out.',
  },
  ERR_AUDIT_NOT_REPLAYABLE: {
    kind: 'usage',
    message:
      'No event in {topic} partition {partition} offset {offset} tells of a delivery of masked records.',
    action: 'Name a session.batch of an audience or a grant that delivered something.',
  },
  ERR_AUDIT_QUORUM: {
    kind: 'usage',
    message: 'Too few of the witnesses that the policy asks for have cosigned ({count} have).',
    action: 'Get a later copy with their cosignatures; without them an older or other history may be shown.',
  },
  // ---- witness
  ERR_WITNESS_FOLDER: {
    kind: 'stop',
    message: 'The folder {file} of the witness cannot be read or written ({causeName}).',
    action: 'Mend the folder and start the witness again; `gauze witness init` never writes over a witness.',
  },
  ERR_WITNESS_KEY_FILE: {
    kind: 'usage',
    message: 'The key file {file} of the witness must be {expected}.',
    action: 'Make a witness with `gauze witness init`, or restore the file as it was.',
  },
  ERR_WITNESS_STATE_LOST: {
    kind: 'usage',
    message: 'The witness has its key but no memory: {file} is gone.',
    action:
      'Retire this key: take it out of the trust file and the policies, and make a new witness. It must not start anew.',
  },
  ERR_WITNESS_STATE: {
    kind: 'usage',
    message: 'The memory {file} of the witness is not {expected}.',
    action: 'Retire this key and make a new witness; a memory that was changed must not be used.',
  },
  ERR_WITNESS_LOCKED: {
    kind: 'usage',
    message: 'Another process runs the witness of {file}.',
    action: 'Stop it first; two would not know of each other.',
  },
  ERR_WITNESS_LISTEN: {
    kind: 'usage',
    message: 'The witness cannot listen at {host}:{port} ({causeName}).',
    action: 'Choose another address with --host and --port.',
  },
  ERR_WITNESS_REQUEST: {
    kind: 'usage',
    message: 'A request to the witness is malformed; expected: {expected}.',
    action: 'Send it as c2sp.org/tlog-witness says.',
  },
  ERR_WITNESS_ORIGIN: {
    kind: 'usage',
    message: 'The witness does not know the log.',
    action: 'Start it with the key of that log.',
  },
  ERR_WITNESS_PROOF: {
    kind: 'usage',
    message: 'The new tree did not grow out of the one that the witness cosigned.',
    action: 'Keep both checkpoints: together they show that the log was rewritten.',
  },
  ERR_WITNESS_REFUSED: {
    kind: 'outage',
    message: 'The witness refused the checkpoint with status {status}.',
    action: 'If it stays: the witness knows another history; have an auditor look at both.',
  },
  ERR_WITNESS_UNREACHABLE: {
    kind: 'outage',
    message: 'A witness does not answer ({causeName}).',
    action: 'Check its address and that it runs; checkpoints go out without its cosignature until then.',
  },
  ERR_WITNESS_ANSWER: {
    kind: 'outage',
    message: 'The answer of a witness with status {status} is none that a witness gives.',
    action: 'Check the address and the key of the witness.',
  },
  // ---- example feeds
  ERR_FEED_COLUMN: {
    kind: 'usage',
    message: '{file}:{line}: the column {setting} must be {expected}.',
    action: 'Correct the row, or export it again; a feed does not skip rows.',
  },
  // ---- local stack
  ERR_STACK_PREREQUISITE: {
    kind: 'usage',
    message: 'The local stack cannot start; missing: {expected}.',
    action: '{command}',
  },
  ERR_STACK_START: {
    kind: 'stop',
    message: '{setting} of the local stack did not become ready in {limit} s.',
    action: 'Its log was kept: {file}',
  },
  ERR_STACK_LOG_IN: {
    kind: 'stop',
    message: 'The identity provider of the local stack did not log {role} in.',
    action: 'Check the name; the log of the identity provider is with the others of the stack.',
  },
  ERR_DEMO_STANDSTILL: {
    kind: 'stop',
    message: 'The lanes of the demo have not moved for {limit} s.',
    action: 'Look at the log of `gauze run` above; with --keep, `gauze status` says more.',
  },
  ERR_DEMO_RUN_ENDED: {
    kind: 'stop',
    message: '`gauze run` ended before the lanes had caught up.',
    action: 'Look at its log above.',
  },
  ERR_STACK_DOWNLOAD: {
    kind: 'outage',
    message: '{setting} could not be fetched.',
    action: 'Check the network and the Maven settings of this machine, then run it again.',
  },
  ERR_INTERNAL: {
    kind: 'stop',
    message: 'Something failed that should not ({causeName}).',
    action: 'Run it again with --debug and report it, with the places that it names.',
  },
} as const satisfies Record<string, ErrorRow>;

/** The name of one error; a closed union, never reused. */
export type ErrorCode = keyof typeof ERRORS;

/** The row of `code`, widened so that optional columns can be read. */
export function errorRow(code: ErrorCode): ErrorRow {
  return ERRORS[code];
}

/** The only error class of gauze. Its message is made from the table and the context, and from nothing else. */
export class GauzeError extends Error {
  override readonly name = 'GauzeError';
  readonly code: ErrorCode;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, context: ErrorContext = {}) {
    const { nearest } = context;
    super(fill(errorRow(code).message, context) + (nearest === undefined ? '' : ` Did you mean ${nearest}?`));
    this.code = code;
    this.context = context;
  }

  get kind(): ErrorKind {
    return errorRow(this.code).kind;
  }

  /** What the reader should do, with the context filled in. */
  get action(): string {
    return fill(errorRow(this.code).action, this.context);
  }

  toJSON(): Record<string, unknown> {
    const context = Object.entries(this.context).map(([k, v]) => [
      k,
      typeof v === 'bigint' ? v.toString() : v,
    ]);
    return { code: this.code, message: this.message, action: this.action, ...Object.fromEntries(context) };
  }
}

/** Several errors found in one go, so that a person can mend them all at once. */
export class GauzeErrors extends Error {
  override readonly name = 'GauzeErrors';
  readonly errors: readonly GauzeError[];

  constructor(errors: readonly GauzeError[]) {
    super(errors.map((error) => error.message).join('\n'));
    this.errors = errors;
  }
}

/**
 * Turns anything thrown into an error of ours. Of a foreign error only the constructor's name is kept:
 * its message, properties and causes may hold what a record held.
 */
export function ownError(
  thrown: unknown,
  code: ErrorCode = 'ERR_INTERNAL',
  context: ErrorContext = {},
): GauzeError {
  if (thrown instanceof GauzeError) return thrown;
  const error = new GauzeError(code, { ...context, causeName: foreignName(thrown) });
  rememberOrigin(error, thrown);
  return error;
}

/** A name for a foreign error that cannot hold data: its class, or its system code such as ECONNREFUSED. */
export function foreignName(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'unknown';
  const { code } = thrown as { code?: unknown };
  if (typeof code === 'string' && /^E[A-Z]{2,20}$/.test(code)) return code;
  return /^[A-Za-z]{1,40}$/.test(thrown.constructor.name) ? thrown.constructor.name : 'Error';
}

function fill(template: string, context: ErrorContext): string {
  const values = context as Readonly<Record<string, string | number | bigint | undefined>>;
  return template.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? '?'));
}
