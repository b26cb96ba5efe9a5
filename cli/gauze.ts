#!/usr/bin/env node
/**
 * The command line, as a process: program.ts says which verbs there are, this one runs the one that is asked for. What
 * nobody has caught ends it in our own words, too: as Node tells it, it could hold what a record held.
 */
import { timer } from '../platform/clock.ts';
import { gauzeProgram, tellFailure } from './program.ts';
import { isPrinted } from './terminal.ts';

/** What is open once a verb has done its work has so long to close by itself. */
const CLOSING_MS = 2_000;

process.on('uncaughtException', (error) => process.exit(tellFailure(error)));

await gauzeProgram().parseAsync();
end();

/** A connection that a library has left open must not keep a process that has nothing more to do; a slow reader may. */
function end(): void {
  timer(CLOSING_MS, () => {
    if (isPrinted()) process.exit();
    else end();
  });
}
