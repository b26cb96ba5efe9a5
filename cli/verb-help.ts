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
