#!/usr/bin/env node
/**
 * The command line, as a process: program.ts says which verbs there are, this one runs the one that is asked for. What
 * nobody has caught ends it in our own words, too: as Node tells it, it could hold what a record held.
 */
import { gauzeProgram, tellFailure } from './program.ts';

process.on('uncaughtException', (error) => process.exit(tellFailure(error)));

await gauzeProgram().parseAsync();
