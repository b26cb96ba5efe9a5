/**
 * Logs the people of the local stack in, as they would themselves: the real flows of the provider, its real pages,
 * name and password in its form. For demo and tests. No token is ever made here.
 */
import { GauzeError } from '../platform/errors.ts';
import { CLI_CLIENT } from './identity-people.ts';
import type { IdentityDescription, StackPerson } from './identity-people.ts';

/** What a log-in gives. */
export interface LogInAnswer {
  readonly accessToken: string;
  readonly idToken: string | null;
  readonly refreshToken: string | null;
}

const STEP_LIMIT = 20;
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/**
 * Logs `name` in by the device authorization grant.
 * @throws GauzeError ERR_STACK_LOG_IN
 */
export async function logIn(identity: IdentityDescription, name: string): Promise<LogInAnswer> {
  const { oidcIssuer } = identity;
  const asked = await post(
    `${oidcIssuer}/device/auth`,
    { client_id: CLI_CLIENT, scope: 'openid offline_access' },
    name,
  );
  await walkLogIn(identity, name, String(asked['verification_uri_complete']));
  const answer = await post(
    `${oidcIssuer}/token`,
    { grant_type: DEVICE_GRANT, client_id: CLI_CLIENT, device_code: String(asked['device_code']) },
    name,
  );
  return tokens(answer, name);
}

/**
 * Logs the machine account in by the client credentials grant.
 * @throws GauzeError ERR_STACK_LOG_IN
 */
export async function logInMachine({ oidcIssuer, machineClient }: IdentityDescription): Promise<LogInAnswer> {
  const basic = Buffer.from(`${machineClient.id}:${machineClient.secret}`).toString('base64');
  const answer = await post(`${oidcIssuer}/token`, { grant_type: 'client_credentials' }, machineClient.id, {
    authorization: `Basic ${basic}`,
  });
  return tokens(answer, machineClient.id);
}

/**
 * Follows `address` through the provider's pages as `name`: redirects, forms, the log-in. For the device grant
 * begin at `verification_uri_complete`, for the authorization code at the authorization request.
 * @returns where the provider sends the browser at last; null where it ends with a page of its own
 * @throws GauzeError ERR_STACK_LOG_IN
 */
export async function walkLogIn(
  identity: IdentityDescription,
  name: string,
  address: string,
): Promise<URL | null> {
  const person = identity.people[name];
  if (!person) throw failed(name);
  const browser = new Browser();
  let page = await browser.get(new URL(address));
  let hasLoggedIn = false;
  for (let step = 0; step < STEP_LIMIT; step += 1) {
    if (page.next) {
      if (page.next.origin !== new URL(identity.oidcIssuer).origin) return page.next;
      page = await browser.get(page.next);
      continue;
    }
    const form = formOf(page.html);
    if (!form) {
      if (page.status !== 200) throw failed(name);
      return null;
    }
    if (form.asksForPassword) {
      if (hasLoggedIn) throw failed(name);
      hasLoggedIn = true;
      fillIn(form.fields, person);
    }
    page = await browser.post(new URL(form.action, page.url), form.fields);
  }
  throw failed(name);
}

interface Page {
  readonly url: URL;
  readonly status: number;
  /** Where it redirects. */
  readonly next: URL | null;
  readonly html: string;
}

/** Fetches one page after the other and keeps the cookies. */
class Browser {
  readonly #cookies = new Map<string, string>();

  async get(url: URL): Promise<Page> {
    return await this.#fetch(url, {});
  }

  async post(url: URL, fields: URLSearchParams): Promise<Page> {
    return await this.#fetch(url, { method: 'POST', body: fields });
  }

  async #fetch(url: URL, options: RequestInit): Promise<Page> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { ...options, headers: { cookie }, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    const location = response.headers.get('location');
    return {
      url,
      status: response.status,
      next: location === null ? null : new URL(location, url),
      html: await response.text(),
    };
  }
}

interface Form {
  readonly action: string;
  readonly fields: URLSearchParams;
  readonly asksForPassword: boolean;
}

/** The first form of a page, with its hidden fields. */
function formOf(html: string): Form | null {
  const form = /<form\b([^>]*)>([\s\S]*?)<\/form>/.exec(html);
  const action = attribute(form?.[1] ?? '', 'action');
  if (!form || action === null) return null;
  const inputs = [...form[2]!.matchAll(/<input\b([^>]*)>/g)].map((match) => match[1]!);
  const fields = new URLSearchParams();
  for (const input of inputs) {
    const name = attribute(input, 'name');
    if (name !== null) fields.set(name, attribute(input, 'value') ?? '');
  }
  return { action, fields, asksForPassword: inputs.some((input) => attribute(input, 'type') === 'password') };
}

function attribute(tag: string, name: string): string | null {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? null;
}

function fillIn(fields: URLSearchParams, person: StackPerson): void {
  fields.set('login', person.id);
  fields.set('password', person.password);
}

async function post(
  url: string,
  fields: Readonly<Record<string, string>>,
  name: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(url, { method: 'POST', headers, body: new URLSearchParams(fields) });
  if (response.status !== 200) throw failed(name);
  return (await response.json()) as Readonly<Record<string, unknown>>;
}

function tokens(answer: Readonly<Record<string, unknown>>, name: string): LogInAnswer {
  const { access_token: accessToken, id_token: idToken, refresh_token: refreshToken } = answer;
  if (typeof accessToken !== 'string') throw failed(name);
  return {
    accessToken,
    idToken: typeof idToken === 'string' ? idToken : null,
    refreshToken: typeof refreshToken === 'string' ? refreshToken : null,
  };
}

function failed(name: string): GauzeError {
  return new GauzeError('ERR_STACK_LOG_IN', { role: name });
}
