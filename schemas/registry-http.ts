/**
 * Sends requests to a schema registry: with its log-in, within a time, again with growing pauses while it is out.
 * It must never put an answer's text, the address or the password into an error.
 */
import { sleep } from '../platform/clock.ts';
import { GauzeError, foreignName } from '../platform/errors.ts';

/** How to reach a registry. */
export interface RegistryAccess {
  /** Base address of the Confluent API, such as `http://127.0.0.1:8081/apis/ccompat/v7`. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** How often a request is sent at most before the outage is reported; 5. */
  readonly attempts?: number;
  /** Pause before the second attempt, doubled for each further one; 200. */
  readonly retryDelayMs?: number;
  /** 10,000. */
  readonly requestTimeoutMs?: number;
}

export interface RegistryAnswer {
  readonly status: number;
  /** The JSON of the answer; undefined where it is none. */
  readonly body: unknown;
}

export class RegistryHttp {
  readonly #options: Required<Omit<RegistryAccess, 'username' | 'password'>>;
  readonly #authorization: string | null;

  constructor(access: RegistryAccess) {
    const { url, username, password = '' } = access;
    this.#options = {
      attempts: access.attempts ?? 5,
      retryDelayMs: access.retryDelayMs ?? 200,
      requestTimeoutMs: access.requestTimeoutMs ?? 10_000,
      url: url.replace(/\/+$/, ''),
    };
    this.#authorization =
      username === undefined ? null : `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }

  /**
   * Sends until an answer comes that is no failure of the server, up to the bound.
   * @throws GauzeError ERR_REGISTRY_UNREACHABLE, ERR_REGISTRY_ANSWER
   */
  async send(method: string, path: string, body?: unknown): Promise<RegistryAnswer> {
    const { attempts, retryDelayMs } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#sendOnce(method, path, body);
      if (!(outcome instanceof GauzeError)) return outcome;
      if (attempt >= attempts) throw outcome;
      await sleep(retryDelayMs * 2 ** (attempt - 1));
    }
  }

  async #sendOnce(method: string, path: string, body?: unknown): Promise<RegistryAnswer | GauzeError> {
    const headers: Record<string, string> = {
      accept: 'application/vnd.schemaregistry.v1+json, application/json',
    };
    if (this.#authorization !== null) headers['authorization'] = this.#authorization;
    if (body !== undefined) headers['content-type'] = 'application/vnd.schemaregistry.v1+json';
    try {
      const response = await fetch(this.#options.url + path, {
        method,
        headers,
        signal: AbortSignal.timeout(this.#options.requestTimeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.status >= 500 || response.status === 429)
        return new GauzeError('ERR_REGISTRY_ANSWER', { status: response.status });
      return { status: response.status, body: json(text) };
    } catch (thrown) {
      const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
      return new GauzeError('ERR_REGISTRY_UNREACHABLE', { causeName: foreignName(cause) });
    }
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
