/**
 * `gauze witness`: remembers the checkpoints of logs of seals and cosigns those that grew out of what it remembers.
 * It is run by other people than gauze is, with a key and a memory of its own; it reads no config of the site, and
 * never makes a new memory for a key that has lost its own.
 */
import { readFile } from 'node:fs/promises';
import { NOTE_KEY, parseVkey } from '../audit/signed-note.ts';
import type { NoteVerifier } from '../audit/signed-note.ts';
import { parsePolicy } from '../audit/tlog-policy.ts';
import { Witness } from '../audit/witness/witness.ts';
import { startWitnessServer } from '../audit/witness/witness-server.ts';
import { WitnessState, createWitness } from '../audit/witness/witness-state.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { createLogger } from '../platform/log.ts';
import { messagesToTerminal, note, print } from './terminal.ts';

export interface WitnessInitOptions {
  readonly folder: string;
  readonly name: string;
  readonly json: boolean;
}

export interface WitnessRunOptions {
  readonly folder: string;
  readonly log?: readonly string[];
  readonly logs?: string;
  readonly host: string;
  readonly port: string;
  readonly json: boolean;
}

/** Makes a key with its empty memory and prints the key that others pin. */
export async function initWitnessCommand({ folder, name, json }: WitnessInitOptions): Promise<number> {
  const vkey = await createWitness(folder, name);
  print(json ? JSON.stringify({ vkey }) : vkey);
  note(
    'Pin this key in the trust file and in audit.witnesses. The folder holds the private key and the memory of the',
  );
  note('witness: keep both together, and never put an older copy back.');
  return 0;
}

/** Runs the witness until SIGTERM or SIGINT. */
export async function runWitnessCommand(options: WitnessRunOptions): Promise<number> {
  const logKeys = await logKeysOf(options);
  const port = Number(options.port);
  if (!/^\d{1,5}$/.test(options.port) || port > 65_535)
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: '--port', expected: 'a port' });
  const state = await WitnessState.open(options.folder);
  try {
    const log = createLogger({ level: 'info', format: messagesToTerminal() ? 'line' : 'json' });
    const witness = new Witness({ state, logKeys });
    const server = await startWitnessServer({ witness, host: options.host, port, log });
    print(
      options.json ? JSON.stringify({ url: server.url }) : `Witness ${state.signer.name} at ${server.url}`,
    );
    await untilSignal();
    await server.close();
  } finally {
    state.close();
  }
  return 0;
}

async function logKeysOf({ log = [], logs }: WitnessRunOptions): Promise<readonly NoteVerifier[]> {
  const keys = log.map((vkey) => parseVkey(vkey));
  if (logs !== undefined) keys.push(...parsePolicy(await bytesOf(logs), logs).logs.map(({ key }) => key));
  if (keys.length === 0 || keys.some(({ type }) => type !== NOTE_KEY.ED25519))
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: '--log',
      expected: 'the vkey of a log; at least one',
    });
  return keys;
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (thrown) {
    throw ownError(thrown, 'ERR_CONFIG_FILE_UNREADABLE', { file });
  }
}

async function untilSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve());
  });
}
