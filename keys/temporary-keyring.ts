/**
 * Keys for the occasion: a keyring that nobody keeps, for checks and for tries of a policy where no real keys are at
 * hand. What it makes of an identifier is worth nothing the next time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyringFile, loadKeyring } from './keyring.ts';
import type { Keyring } from './keyring.ts';

/** A keyring with a random root for each of `audiences`; its file is gone when this returns. */
export async function temporaryKeyring(audiences: readonly string[]): Promise<Keyring> {
  const folder = await mkdtemp(join(tmpdir(), 'gauze-keys-'));
  try {
    const file = join(folder, 'keyring.json');
    await createKeyringFile(file, audiences);
    return await loadKeyring(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
