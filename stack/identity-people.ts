/**
 * The people of the synthetic hospital at its identity provider, their groups, and the programs that log in for them.
 * Nobody here exists, and no password stands here: each start of the stack makes its own.
 */

/** Somebody who can log in at the identity provider of this start. */
export interface StackPerson {
  /** The `sub` of their tokens. */
  readonly id: string;
  readonly name: string;
  readonly groups: readonly string[];
  readonly password: string;
}

/** A machine account: logs in with the client credentials grant. */
export interface MachineClient {
  readonly id: string;
  readonly secret: string;
}

/** Where to log in, and as whom. It holds passwords. */
export interface IdentityDescription {
  readonly oidcIssuer: string;
  readonly people: Readonly<Record<string, StackPerson>>;
  readonly machineClient: MachineClient;
}

/** Groups by person. */
export const HOSPITAL_PEOPLE = {
  alice: { name: 'Alice Ames', groups: ['grp-clinicians'] },
  bob: { name: 'Bob Boyle', groups: ['grp-clinicians'] },
  carol: { name: 'Carol Cole', groups: ['grp-ehr-owners'] },
  dan: { name: 'Dan Dale', groups: ['grp-privacy'] },
  erin: { name: 'Erin Ellis', groups: ['grp-emergency', 'grp-operators'] },
  frank: { name: 'Frank Fry', groups: ['grp-audit'] },
} as const satisfies Record<string, { name: string; groups: readonly string[] }>;

export type HospitalPerson = keyof typeof HOSPITAL_PEOPLE;

/** Audience of the access tokens. */
export const TOKEN_AUDIENCE = 'gauze';
/** Public client of `gauze login`: device authorization grant. */
export const CLI_CLIENT = 'gauze-cli';
/** Public client of the pages: authorization code with PKCE, back to `http://127.0.0.1:<any>/callback`. */
export const PAGES_CLIENT = 'gauze-pages';
/** A program of the intensive care unit: client credentials. */
export const MACHINE_CLIENT = 'icu-app';
