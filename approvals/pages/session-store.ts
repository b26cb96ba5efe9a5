/**
 * Sessions of the pages in Redis: who has logged in, until when, and log-ins that are under way. No token is ever
 * kept. Where Redis does not answer, neither do the pages; nothing else depends on it. What cannot be read is no session.
 */
import type { SessionStore as PluginStore } from '@fastify/session';
import type { Session } from 'fastify';
import { z } from 'zod';
import { nowMs } from '../../platform/clock.ts';
import { GauzeError, ownError } from '../../platform/errors.ts';
import type { RedisLink } from '../queue/redis-link.ts';

const personSchema = z.strictObject({
  actor: z.strictObject({
    kind: z.literal('HUMAN'),
    id: z.string().min(1),
    roles: z.array(z.string()),
    on_behalf_of: z.string().nullable(),
    token_id: z.string().nullable(),
  }),
  name: z.string().nullable(),
  /** When the access token ends, and with it the session; milliseconds since the epoch. */
  expiresMs: z.int(),
});

const logInSchema = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  startedMs: z.int(),
});

const storedSchema = z.object({
  cookie: z.object({ path: z.string(), httpOnly: z.literal(true) }).loose(),
  person: personSchema.optional(),
  logIns: z.array(logInSchema).optional(),
  _csrf: z.string().optional(),
});

/** Who has logged in. */
export type SessionPerson = z.infer<typeof personSchema>;
/** A log-in that has gone to the identity provider and has not come back. */
export type PendingLogIn = z.infer<typeof logInSchema>;

declare module 'fastify' {
  interface Session {
    person?: SessionPerson;
    logIns?: PendingLogIn[];
    _csrf?: string;
  }
}

/** How long a log-in may take. */
export const LOG_IN_MS = 600_000;

type Stored = Session | null;

export class SessionStore implements PluginStore {
  private readonly link: RedisLink;
  private readonly prefix: string;

  /** @param prefix before all keys */
  constructor(link: RedisLink, prefix: string) {
    this.link = link;
    this.prefix = prefix;
  }

  set(id: string, session: Session, done: (error?: GauzeError | null) => void): void {
    void settle(done, async () => {
      const leftMs = (session.person?.expiresMs ?? nowMs() + LOG_IN_MS) - nowMs();
      if (leftMs <= 0) await this.link.call(async (client) => await client.del(this.key(id)));
      else
        await this.link.call(
          async (client) => await client.set(this.key(id), JSON.stringify(session), 'PX', leftMs),
        );
    });
  }

  get(id: string, done: (error: GauzeError | null, session?: Stored) => void): void {
    void settle(done, async () => await this.read(id));
  }

  destroy(id: string, done: (error?: GauzeError | null) => void): void {
    void settle(done, async () => await this.link.call(async (client) => await client.del(this.key(id))));
  }

  private async read(id: string): Promise<Stored> {
    const text = await this.link.call(async (client) => await client.get(this.key(id)));
    return text === null ? null : parsed(text);
  }

  private key(id: string): string {
    return `${this.prefix}:session:${id}`;
  }
}

function parsed(text: string): Stored {
  try {
    const stored = storedSchema.safeParse(JSON.parse(text));
    if (!stored.success) return null;
    const { cookie, person, logIns, _csrf } = stored.data;
    if (person && person.expiresMs <= nowMs()) return null;
    return {
      cookie: { originalMaxAge: null, path: cookie.path, httpOnly: true, sameSite: 'lax' },
      ...(person ? { person } : {}),
      ...(logIns ? { logIns } : {}),
      ...(_csrf === undefined ? {} : { _csrf }),
    };
  } catch {
    return null;
  }
}

/** Runs `work` for a caller who wants to be called back. */
async function settle<T>(
  done: (error: GauzeError | null, result?: T) => void,
  work: () => Promise<T>,
): Promise<void> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    done(ownError(error));
    return;
  }
  done(null, result);
}
