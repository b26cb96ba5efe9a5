/**
 * Where tokens of `gauze login` are kept: one file for each identity provider, below the person's own config folder,
 * that only its owner can read. A file that others can read is not used. Tokens never leave it but to their verb.
 */
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { random } from '../platform/clock.ts';
import { environment } from '../platform/config.ts';
import { GauzeError } from '../platform/errors.ts';

const storedSchema = z.strictObject({
  issuer: z.string(),
  clientId: z.string(),
  accessToken: z.string().min(1),
  /** Milliseconds since the epoch. */
  expiresAtMs: z.number(),
  refreshToken: z.string().nullable(),
  /** The `sub` of the person. */
  subject: z.string(),
});

/** One log-in. */
export type StoredLogin = z.output<typeof storedSchema>;

const OTHERS = 0o077;

export class TokenStore {
  /** For messages; below $XDG_CONFIG_HOME, or ~/.config. */
  readonly file: string;

  constructor(issuer: string, folder = configFolder()) {
    this.file = join(folder, 'gauze', 'tokens', `${encodeURIComponent(issuer)}.json`);
  }

  /**
   * The log-in that is kept; null where there is none, or one that cannot be read as such. `toEnd`: only to end it,
   * whoever else may have read it.
   * @throws GauzeError ERR_LOGIN_FILE_PERMISSIONS
   */
  async read(toEnd = false): Promise<StoredLogin | null> {
    let text: string;
    try {
      if (!toEnd && ((await stat(this.file)).mode & OTHERS) !== 0)
        throw new GauzeError('ERR_LOGIN_FILE_PERMISSIONS', { file: this.file });
      text = await readFile(this.file, 'utf8');
    } catch (error) {
      if (error instanceof GauzeError) throw error;
      return null;
    }
    const stored = storedSchema.safeParse(parsed(text));
    return stored.success ? stored.data : null;
  }

  async write(login: StoredLogin): Promise<void> {
    const folder = dirname(this.file);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // It may have been there before, with other rights.
    await chmod(folder, 0o700);
    const part = `${this.file}.${random(6).toString('hex')}`;
    await writeFile(part, JSON.stringify(login), { mode: 0o600 });
    await rename(part, this.file);
  }

  async remove(): Promise<void> {
    await rm(this.file, { force: true });
  }
}

function configFolder(): string {
  return environment('XDG_CONFIG_HOME') ?? join(homedir(), '.config');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
