/**
 * A client of the approval API for verbs: sends the person's token, understands problems (RFC 9457), and never shows a
 * token or an answer that is not a problem of ours.
 */
import { randomId } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { problemSchema } from '../approvals/http/problem.ts';
import { refusalOf } from './refused-call.ts';
import type { Site } from './site.ts';

const TIMEOUT_MS = 20_000;

export class AccessClient {
  private readonly base: string;
  private readonly token: string;

  /** For whoever the access token names. */
  constructor(base: string, token: string) {
    this.base = base;
    this.token = token;
  }

  /** Throws ApiRefusal, ERR_USAGE_ARGUMENT for arguments that it is about, ERR_HTTP_API_UNREACHABLE. */
  async get<T>(path: string): Promise<T> {
    return await this.send<T>('GET', path);
  }

  /** Each call counts once, however often it has to be sent. Throws as `get` does. */
  async post<T>(path: string, body: Readonly<Record<string, unknown>>): Promise<T> {
    return await this.send<T>('POST', path, body);
  }

  async delete<T>(path: string, body: Readonly<Record<string, unknown>>): Promise<T> {
    return await this.send<T>('DELETE', path, body);
  }

  private async send<T>(method: string, path: string, body?: Readonly<Record<string, unknown>>): Promise<T> {
    const response = await fetch(`${this.base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        accept: 'application/json, application/problem+json',
        ...(body ? { 'content-type': 'application/json', 'idempotency-key': randomId() } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch(() => {
      throw this.unreachable();
    });
    const answer: unknown = await response.json().catch(() => null);
    if (response.ok) return answer as T;
    const problem = problemSchema.safeParse(answer);
    if (!problem.success) throw this.unreachable(response.status);
    throw refusalOf(problem.data, body);
  }

  private unreachable(status?: number): GauzeError {
    const { hostname, port, protocol } = new URL(this.base);
    return new GauzeError('ERR_HTTP_API_UNREACHABLE', {
      host: hostname,
      port: Number(port) || (protocol === 'https:' ? 443 : 80),
      ...(status === undefined ? {} : { status }),
    });
  }
}

/** Where the API of a site is: its public address, else where it listens. */
export function apiUrl(site: Site): string {
  const { publicUrl, host, port } = site.config.http;
  return (publicUrl ?? `http://${host}:${port}`).replace(/\/$/, '');
}
