/**
 * Loaded into a gauze process before its own code (`node --import`): what somebody does who controls the machine and
 * not the code. It copies each session key as it is made, and moves the process's clock of durations on by sixteen
 * minutes at SIGUSR2, so that session keys are due to be replaced. The product has no switch for either.
 */
import crypto from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const LEAP_MS = 16 * 60_000;

const { GAUZE_TEST_STOLEN_KEYS: file } = process.env;
if (file !== undefined) {
  const make = crypto.generateKeyPairSync.bind(crypto) as (type: string) => crypto.KeyPairKeyObjectResult;
  const copied = (type: string): crypto.KeyPairKeyObjectResult => {
    const pair = make(type);
    const der = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
    appendFileSync(file, `${der.toString('base64')}\n`, { mode: 0o600 });
    return pair;
  };
  Object.assign(crypto, { generateKeyPairSync: copied });
  syncBuiltinESMExports();
}

let leaptMs = 0;
const now = performance.now.bind(performance);
performance.now = () => now() + leaptMs;
process.on('SIGUSR2', () => {
  leaptMs += LEAP_MS;
});
