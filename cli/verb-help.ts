/**
 * What `--help` of a verb says below its options, where that is long.
 */

export const REDRIVE_HELP = `
Examples:
  gauze redrive --audience research --topic clinical.encounters --dry-run
  gauze redrive --audience research --topic clinical.encounters --code ERR_PUBLISH_TOO_LARGE --reason "topic takes 8 MiB now"

Run it once the cause is mended: with the topology's log-in and keys, while the service runs. What can be published now
is appended to the end of the sanitized topic, in raw order; what cannot stays withheld. Nothing is published twice:
interrupted, or run again, it goes on with what is left. Records that a person had withheld are taken only with
--code ERR_WITHHELD_BY_PERSON.

Exit code 0 where nothing that was asked for is withheld any more, 3 where something is, 1 for errors, 130 after Ctrl-C.`;

export const RUN_HELP = `
Examples:
  gauze run                            one topology; start more, here or elsewhere, and they share the partitions
  gauze run --workers 4                four of them under one command, with one port for metrics and health
  gauze run --instance-id "$HOSTNAME"  a restart within limits.sessionTimeoutMs moves no partition

SIGTERM and Ctrl-C drain: lanes finish their transactions. A second one ends at once, and nothing is lost by it.`;

/** Below the options of `gauze check`. */
export const CHECK_HELP = `
Examples:
  gauze check                                      the site of ./gauze.yaml, with every schema in the registry
  gauze check --offline clinical.patients=new.avsc what each audience would get of a schema that is not registered yet
  gauze check new.avsc                             one schema by itself: every leaf tagged?
  gauze check --offline --sarif gauze.sarif        the report for code scanning too
  gauze check --sample 1000 --audience research    counts only: what these policies would do to the newest records

Exit code 1 where anything is wrong. Kafka is not asked; a registry that does not answer is left out, and said so.`;

/** Of `--all`, for plan and apply. */
export const EACH_FIELD = 'every field that a new topic opens, not only how many by which method';
