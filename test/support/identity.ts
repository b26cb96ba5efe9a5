/**
 * The identity provider for tests: that of the stack in use, or one of this test's own where a stack is kept up that
 * was started without one. It is the same real provider in both cases.
 */
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logIn, logInMachine } from '../../stack/identity-log-in.ts';
import type { LogInAnswer } from '../../stack/identity-log-in.ts';
import type { IdentityDescription } from '../../stack/identity-people.ts';
import { startIdentityProvider } from '../../stack/identity-service.ts';
import { Supervised } from '../../stack/supervised.ts';
import type { Config } from '../../platform/config.ts';
import { testStack } from './stack.ts';

/** Roles of the synthetic hospital, by the groups of its people. */
export const HOSPITAL_ROLES = {
  clinicians: ['grp-clinicians'],
  'data-owners': ['grp-ehr-owners'],
  'privacy-officers': ['grp-privacy'],
  'emergency-physicians': ['grp-emergency'],
  operators: ['grp-operators'],
  auditors: ['grp-audit'],
} as const;

export class TestIdentity {
  readonly description: IdentityDescription;
  readonly #supervised: Supervised | null;

  private constructor(description: IdentityDescription, supervised: Supervised | null) {
    this.description = description;
    this.#supervised = supervised;
  }

  static async open(): Promise<TestIdentity> {
    const stack: Partial<IdentityDescription> = testStack();
    const { oidcIssuer, people, machineClient } = stack;
    if (oidcIssuer !== undefined && people && machineClient)
      return new TestIdentity({ oidcIssuer, people, machineClient }, null);
    return await TestIdentity.start();
  }

  /** One of this test's own. */
  static async start(): Promise<TestIdentity> {
    const directory = await mkdtemp(join(tmpdir(), 'gauze-test-identity-'));
    await mkdir(join(directory, 'logs'));
    const supervised = new Supervised();
    supervised.removeAtEnd([directory]);
    return new TestIdentity(await startIdentityProvider({ supervised, directory }), supervised);
  }

  get issuer(): string {
    return this.description.oidcIssuer;
  }

  /** What the config says of it, every default filled in. */
  get oidc(): NonNullable<Config['oidc']> {
    return {
      issuer: this.issuer,
      audience: 'gauze',
      groupsClaim: 'groups',
      idClaim: 'sub',
      cliClientId: 'gauze-cli',
      pagesClientId: 'gauze-pages',
      scope: 'openid offline_access',
    };
  }

  /** A log-in of one of the people, through the provider's own pages. */
  async logIn(name: string): Promise<LogInAnswer> {
    return await logIn(this.description, name);
  }

  async tokenFor(name: string): Promise<string> {
    return (await this.logIn(name)).accessToken;
  }

  async machineToken(): Promise<string> {
    return (await logInMachine(this.description)).accessToken;
  }

  async close(): Promise<void> {
    await this.#supervised?.close();
  }
}
