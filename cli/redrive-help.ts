/**
 * What `gauze redrive --help` says below its options.
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
