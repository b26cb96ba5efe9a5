/**
 * What can be wrong with what gauze is given, row by row: what is seen, what becomes of the records, what to do, and the
 * test that shows it. docs/troubleshooting.md is made of it; a test holds that each test named here exists.
 */
import type { ErrorCode } from '../platform/errors.ts';

/** A way in which something is wrong. */
export interface TroubleRow {
  readonly what: string;
  /** Codes that are seen, in the log, in `gauze.withheld`, in the terminal or in `gauze status`; none: nothing is wrong. */
  readonly codes: readonly ErrorCode[];
  readonly records: string;
  readonly toDo: string;
  /** File below test/, and the title of a test in it. */
  readonly shownBy: readonly [file: string, title: string];
}

/** Rows that are about one kind of thing, and where what they show is seen. */
export interface TroubleSection {
  readonly title: string;
  readonly seen: string;
  readonly rows: readonly TroubleRow[];
}

const WITHHELD = 'integration/withheld.test.ts';
const EACH_CODE = 'is on record with its code, once for each audience that does not get the record';
const ONE_LOST_TO_READERS =
  'Withheld from every audience; the lane goes on. The record stays in the raw topic.';
const HELD_THERE =
  'The lanes of that partition are held before the record; nothing is lost, other partitions go on.';
const FIND_PRODUCER = 'Find the producer by topic, partition and offset, and mend it there.';
const SURROUNDINGS = 'integration/bad-surroundings.test.ts';
const BAD_SITE = 'cli/bad-site.test.ts';
const NOTHING_RUNS = 'None is read: nothing has begun.';

export const TROUBLE: readonly TroubleSection[] = [
  {
    title: 'Records',
    seen: 'The topic `gauze.withheld` has topic, partition, offset, audience and code of each record that an audience does not get, and never a byte of it; `phi_withheld_total` counts them by code. `gauze redrive` publishes what was withheld once its cause is mended ([redrive](redrive.md)). A held lane stands in `gauze status` with its code, and in the log as `lane held`.',
    rows: [
      {
        what: 'Magic byte 1, or any other first byte than 0',
        codes: ['ERR_DECODE_MAGIC'],
        records: ONE_LOST_TO_READERS,
        toDo:
          'The producer does not use the registry’s serializer with the id in the value. ' + FIND_PRODUCER,
        shownBy: [WITHHELD, EACH_CODE],
      },
      {
        what: 'Undecodable bytes: the value ends too early',
        codes: ['ERR_DECODE_TRUNCATED'],
        records: ONE_LOST_TO_READERS,
        toDo: FIND_PRODUCER,
        shownBy: [WITHHELD, EACH_CODE],
      },
      {
        what: 'Undecodable bytes: a length, branch, symbol or number that cannot be',
        codes: ['ERR_DECODE_VALUE'],
        records: ONE_LOST_TO_READERS,
        toDo: FIND_PRODUCER,
        shownBy: ['processors/transcoder.test.ts', '%s, kept or masked'],
      },
      {
        what: 'Trailing bytes',
        codes: ['ERR_DECODE_TRAILING'],
        records: ONE_LOST_TO_READERS,
        toDo: FIND_PRODUCER,
        shownBy: [WITHHELD, EACH_CODE],
      },
      {
        what: 'Empty value (no byte at all)',
        codes: ['ERR_DECODE_MAGIC'],
        records: ONE_LOST_TO_READERS,
        toDo: 'A producer that wants to delete sends a null value. ' + FIND_PRODUCER,
        shownBy: [WITHHELD, EACH_CODE],
      },
      {
        what: 'Null value (tombstone)',
        codes: ['ERR_MASK_NULL_VALUE'],
        records:
          'Where the audience gets keys a tombstone goes out under the masked key. Where its keys are dropped, or the record has none, it is withheld.',
        toDo: 'Nothing; give the key a one-to-one method if tombstones matter to the audience, and `gauze redrive --code ERR_MASK_NULL_VALUE` publishes those that were withheld.',
        shownBy: [WITHHELD, 'sends a tombstone under the key that the audience knows'],
      },
      {
        what: 'Null key',
        codes: [],
        records: 'Published with a null key.',
        toDo: 'Nothing.',
        shownBy: [
          'topology/span-masker.test.ts',
          'carry their key masked where the audience gets keys, and null stays null',
        ],
      },
      {
        what: 'A field of 1 MiB; 10,000 headers',
        codes: [],
        records: 'Published as any other: headers that no policy names stay behind.',
        toDo: 'Nothing, unless the masked record is too large: see the next row.',
        shownBy: [
          'topology/span-masker.test.ts',
          'with 10,000 headers, or a field of 1 MiB, come out as any other',
        ],
      },
      {
        what: 'Masked record over the limit of the sanitized topic',
        codes: ['ERR_PUBLISH_TOO_LARGE'],
        records: 'Withheld from that audience alone; the lane goes on.',
        toDo: 'Raise `max.message.bytes` of the sanitized topic; a running lane takes the new limit when it is started again. Then `gauze redrive --code ERR_PUBLISH_TOO_LARGE` publishes what was withheld ([redrive](redrive.md)).',
        shownBy: [WITHHELD, EACH_CODE],
      },
      {
        what: 'Decode bomb: a list of a great many nothings',
        codes: ['ERR_DECODE_BOMB'],
        records: ONE_LOST_TO_READERS,
        toDo: FIND_PRODUCER,
        shownBy: [
          'processors/transcoder.test.ts',
          'a list of many nothings is refused, over all lists of the record',
        ],
      },
      {
        what: 'Deep nesting of a record inside itself',
        codes: ['ERR_DECODE_DEPTH'],
        records: ONE_LOST_TO_READERS,
        toDo: 'More than 64 levels are not read. ' + FIND_PRODUCER,
        shownBy: [
          'schemas/recursive-types.test.ts',
          'is withheld where it is nested deeper than the limit, masked, kept or dropped',
        ],
      },
      {
        what: 'A compressed batch that unpacks to gigabytes',
        codes: ['ERR_BATCH_TOO_LARGE'],
        records: HELD_THERE,
        toDo: 'If the batch is meant: raise `limits.decompressedBytes` and restart. If not: find the producer; `gauze resume` goes on after it.',
        shownBy: [
          WITHHELD,
          'is read whatever it is packed with; one that unpacks too far holds its lanes, and others go on',
        ],
      },
      {
        what: 'Schema id that the registry does not know',
        codes: ['ERR_SCHEMA_UNKNOWN'],
        records: HELD_THERE,
        toDo: 'Register the schema, and the lanes go on by themselves; or `gauze resume <audience> <topic> <partition> --withhold <offset> --reason ...`.',
        shownBy: [WITHHELD, 'holds the lanes of that partition until a person has the record withheld'],
      },
      {
        what: 'Schema id of another subject',
        codes: ['ERR_SCHEMA_WRONG_SUBJECT'],
        records: HELD_THERE,
        toDo: 'Find out who writes there with a foreign schema. Register it under the subject of the topic if it belongs there, or have the record withheld as above.',
        shownBy: [WITHHELD, 'holds the lanes of that partition until a person has the record withheld'],
      },
      {
        what: 'A new field that no policy covers',
        codes: ['ERR_POLICY_LEAF_UNCOVERED'],
        records: 'Every lane is held at the first record that has the field; nothing of it goes out.',
        toDo: 'Tag the field or name it under `fields:`, then `gauze apply`.',
        shownBy: [
          'integration/holds.test.ts',
          'holds every lane at the first record that has it, until a policy is applied; nothing of it is in clear',
        ],
      },
      {
        what: 'A derived schema made incompatible in mid-run',
        codes: ['ERR_SCHEMA_DERIVED_INCOMPATIBLE'],
        records: 'The lanes of that audience are held at the first such record; the others go on.',
        toDo: 'Change the policy, give the topic a new `version:`, or let the owner of the subject set its compatibility to NONE for this change.',
        shownBy: [
          'integration/topic-versions.test.ts',
          'a raw schema that would break one audience holds that audience, says where, and ends when its owner lets it pass',
        ],
      },
    ],
  },
  {
    title: 'Kafka and registry',
    seen: 'The command prints the code, one sentence and what to do, and ends with exit code 1. A service at work logs `lane held` or `lane waits` with the code; held lanes stand in `gauze status`, which then ends with exit code 1.',
    rows: [
      {
        what: 'Registry down at the start',
        codes: ['ERR_REGISTRY_UNREACHABLE'],
        records: NOTHING_RUNS,
        toDo: 'Bring it up, or correct `registry.url`, and start the command again.',
        shownBy: [
          SURROUNDINGS,
          'a registry that is down at the start ends apply and run with one sentence; nothing is published',
        ],
      },
      {
        what: 'Registry down in mid-run',
        codes: ['ERR_REGISTRY_UNREACHABLE'],
        records:
          'Those under schemas that the instance has met go on. A lane that meets another schema waits before it, and goes on by itself.',
        toDo: 'Bring it up. The lag of waiting lanes is in `gauze status` and `phi_lane_lag_records`.',
        shownBy: [
          SURROUNDINGS,
          'a registry that is down stops only what needs it, and what waited for it comes afterwards',
        ],
      },
      {
        what: 'Broker that does not answer',
        codes: ['ERR_KAFKA_CONNECT'],
        records: 'None is lost: lanes at work wait for it and go on from their committed offsets.',
        toDo: 'Look at the broker and at `kafka.brokers`.',
        shownBy: [BAD_SITE, 'ends at a broker that nobody answers for, with its address'],
      },
      {
        what: 'Broker that tells offsets of the past, after a restart',
        codes: ['ERR_LANE_OFFSET_BEHIND', 'ERR_KAFKA_UNSETTLED'],
        records:
          'None is published twice: the lane compares the offset with its audit events, and stands still where they say more.',
        toDo: 'Wait: a coordinator that is still loading tells the right offset by and by, and the lane goes on by itself. If not, restart that broker, or `gauze resume <audience> <topic> <partition> --from-audit --reason ...`.',
        shownBy: [
          'integration/holds.test.ts',
          'holds the lane, publishes nothing twice, and lets it go on by itself when the broker tells the right one',
        ],
      },
      {
        what: 'Wrong password',
        codes: ['ERR_KAFKA_AUTHENTICATION'],
        records: NOTHING_RUNS,
        toDo: 'Check user name and password file of the role that is named.',
        shownBy: [SURROUNDINGS, 'a password that is wrong is told with the role, and never repeated'],
      },
      {
        what: 'Missing ACL, or one withdrawn in mid-run',
        codes: ['ERR_KAFKA_RIGHT_MISSING'],
        records:
          'The lanes that need the right are held where they are, the others go on; with the right they go on by themselves.',
        toDo: '`gauze plan` names the right that is missing, `gauze apply` gives it.',
        shownBy: [
          SURROUNDINGS,
          'a right to %s that is withdrawn holds the lanes that need it alone; apply gives it back, and nothing is lost',
        ],
      },
      {
        what: 'Missing raw topic',
        codes: ['ERR_POLICY_RAW_TOPIC_MISSING'],
        records: 'None is read: `gauze apply` changes nothing.',
        toDo: 'Make the raw topic, or take it out of the policy.',
        shownBy: [SURROUNDINGS, 'a policy for a topic that is not there is refused, and changes nothing'],
      },
      {
        what: 'Sanitized topic deleted in mid-run',
        codes: ['ERR_KAFKA_TOPIC_MISSING', 'ERR_LANE_TARGET_RECREATED'],
        records: 'Its lanes are held; the others go on.',
        toDo: '`gauze apply` makes it again; then `gauze resume ... --from earliest` fills it.',
        shownBy: [
          'integration/holds.test.ts',
          'holds its own lanes until a person resumes them; the others go on; then it is complete',
        ],
      },
      {
        what: 'Fewer partitions in a sanitized topic than in raw',
        codes: ['ERR_KAFKA_TOPIC_MISSING', 'ERR_POLICY_TARGET_SHAPE'],
        records:
          'The lanes of the partitions that are lacking are held; the others go on. `gauze apply` refuses, and says how many are needed.',
        toDo: 'Give the sanitized topic as many partitions as raw has: `kafka-topics.sh --alter --partitions`.',
        shownBy: [
          SURROUNDINGS,
          'a sanitized topic with fewer partitions than raw holds the lanes of those that it lacks, until it has them',
        ],
      },
    ],
  },
  {
    title: 'The site',
    seen: 'In the terminal: code, one sentence with file and line, what to do; exit code 1. `gauze check` tells all of it at once, before anything runs.',
    rows: [
      {
        what: 'Missing key file',
        codes: ['ERR_KEY_FILE'],
        records: NOTHING_RUNS,
        toDo: 'Put the keyring of the site back. `gauze keys init` only for a site that has none yet.',
        shownBy: [BAD_SITE, 'tells a keyring that is not there, and does not make a new one'],
      },
      {
        what: 'Keyring that others can read',
        codes: ['ERR_KEY_FILE_PERMISSIONS'],
        records: NOTHING_RUNS,
        toDo: '`chmod 600` of the file; ask who has read it.',
        shownBy: [BAD_SITE, 'tells a keyring that others may read, and how to mend it'],
      },
      {
        what: 'Policy that cannot be read',
        codes: ['ERR_CONFIG_FILE_UNREADABLE'],
        records: NOTHING_RUNS,
        toDo: 'Check the path and who may read it.',
        shownBy: [
          BAD_SITE,
          'tells a policy that cannot be read and two policies for one audience, both at once',
        ],
      },
      {
        what: 'Two policies for one audience',
        codes: ['ERR_POLICY_DUPLICATE'],
        records: NOTHING_RUNS,
        toDo: 'Keep one file per audience.',
        shownBy: [
          BAD_SITE,
          'tells a policy that cannot be read and two policies for one audience, both at once',
        ],
      },
      {
        what: 'Another folder than that of the config',
        codes: ['ERR_CONFIG_FILE_ABSENT'],
        records: NOTHING_RUNS,
        toDo: 'Go to the folder of gauze.yaml, or name it with `-c`.',
        shownBy: [
          BAD_SITE,
          'in another folder tells that there is no config, and where it looked, and nothing that follows',
        ],
      },
      {
        what: 'Unknown setting',
        codes: ['ERR_CONFIG_SETTING_UNKNOWN'],
        records: NOTHING_RUNS,
        toDo: 'Correct its spelling; docs/reference/config.md has all settings.',
        shownBy: [BAD_SITE, 'ends at an unknown setting before it does anything'],
      },
      {
        what: 'Missing password file',
        codes: ['ERR_CONFIG_FILE_UNREADABLE'],
        records: NOTHING_RUNS,
        toDo: 'Check `passwordFile` of that role.',
        shownBy: [BAD_SITE, 'ends at a password file that is not there, and names it'],
      },
    ],
  },
  {
    title: 'The machine',
    seen: 'In the terminal, as above.',
    rows: [
      {
        what: 'Clock far off',
        codes: ['ERR_POLICY_AS_OF'],
        records:
          'Masked as ever: no method takes the time of the machine. With a clock that is a year ahead, ages under Safe Harbor seem to be told as of too long ago, which is an alarm and stops nothing.',
        toDo: 'Set the clock: the times in logs and audit events are those of the machine.',
        shownBy: [SURROUNDINGS, 'by %i ms masks as ever, and another with the right time goes on after it'],
      },
      {
        what: 'Clock far off, for people who log in',
        codes: ['ERR_HTTP_TOKEN_NOT_YET', 'ERR_HTTP_TOKEN_EXPIRED'],
        records: 'None: nobody gets in.',
        toDo: 'Compare the clocks of the machine and of the identity provider; 30 seconds are let pass.',
        shownBy: [
          'integration/identity.test.ts',
          'are refused after their time and before it, with half a minute of tolerance',
        ],
      },
      {
        what: 'JDK, Maven or redis-server missing (demo and local stack)',
        codes: ['ERR_STACK_PREREQUISITE'],
        records: NOTHING_RUNS,
        toDo: 'Run the commands that are printed: all that is missing is named at once.',
        shownBy: [
          'stack/prerequisites.test.ts',
          'a machine without a JDK, or with one that is too old, is told which it lacks and how to get it',
        ],
      },
      {
        what: 'Port taken',
        codes: ['ERR_STATUS_LISTEN'],
        records: NOTHING_RUNS,
        toDo: 'Choose another port in `metrics`, or end what listens there.',
        shownBy: [SURROUNDINGS, 'a port that is taken ends run before it reads a record'],
      },
      {
        what: 'Port taken, for the pages and the API of approvals',
        codes: ['ERR_HTTP_LISTEN'],
        records: 'Masking goes on: the approval service alone ends.',
        toDo: 'Choose another port in `http`, or end what listens there.',
        shownBy: [
          'approvals/http-server.test.ts',
          'says which address is taken, and listens there once it is free',
        ],
      },
      {
        what: 'Disk full under the local stack',
        codes: ['ERR_STACK_START'],
        records: NOTHING_RUNS,
        toDo: 'Make room; the log that is named says which file could not be written.',
        shownBy: [
          'integration/disk-full.test.ts',
          'a stack without room on its disk says which part did not start, and keeps the log that says why',
        ],
      },
    ],
  },
];
