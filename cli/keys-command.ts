/**
 * `gauze keys init`: keyring, root key and trust file of a site, or what is missing of them. It says what belongs
 * where; it never prints a key and never writes over one.
 */
import { access, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeAuditTrust, ROOT_KEY_FILE, TRUST_FILE, unknownWriters } from '../audit/trust-maker.ts';
import { createKeyringFile, loadKeyring } from '../keys/keyring.ts';
import { GauzeError } from '../platform/errors.ts';
import { loadPolicies } from '../policy/load-policies.ts';
import { topicNames } from '../schemas/topic-names.ts';
import { Site } from './site.ts';
import { EXIT, note, print } from './terminal.ts';

export interface KeysInitOptions {
  readonly config: string;
  readonly dir?: string;
  readonly origin?: string;
  readonly json: boolean;
}

const KEYRING_FILE = 'keyring.json';
const DEFAULT_DIRECTORY = 'secrets';
const OWNER_ONLY = 0o700;

export async function keysInitCommand(options: KeysInitOptions): Promise<number> {
  const site = await siteIfThere(options.config);
  const configured = options.dir === undefined ? site?.config.keys?.file : undefined;
  const directory = configured ? dirname(configured) : (options.dir ?? DEFAULT_DIRECTORY);
  const keyringFile = configured ?? join(directory, KEYRING_FILE);
  const origin = originOf(options.origin ?? site?.config.audit.origin);
  const policies = site ? await loadPolicies(site.config.policies) : [];
  await mkdir(directory, { recursive: true, mode: OWNER_ONLY });
  const audiences = await createKeyringFile(
    keyringFile,
    policies.map(({ audience }) => audience),
  );
  const keyring = await loadKeyring(keyringFile);
  const names = site?.names ?? topicNames('gauze');
  const made = await makeAuditTrust(directory, { keyring, origin, names });
  const unknown = unknownWriters(made.trust, keyring);
  const answer = {
    keyring: keyringFile,
    audiences,
    trustFile: made.trustFile,
    rootVkey: made.rootVkey,
    made: made.made,
    unknown,
  };
  if (options.json) print(JSON.stringify(answer));
  else tell(answer);
  if (unknown.length > 0) throw new GauzeError('ERR_AUDIT_TRUST_STALE', { file: made.trustFile });
  return EXIT.ok;
}

async function siteIfThere(config: string): Promise<Site | null> {
  const isThere = await access(config).then(
    () => true,
    () => false,
  );
  return isThere ? await Site.load(config) : null;
}

function originOf(origin: string | undefined): string {
  if (origin && /^[^\s+]+$/.test(origin)) return origin;
  throw new GauzeError('ERR_USAGE_ARGUMENT', {
    setting: '--origin',
    expected: 'given once, such as audit.example.org/hospital: a name without blanks and +',
  });
}

interface Answer {
  readonly keyring: string;
  readonly audiences: readonly string[];
  readonly trustFile: string;
  readonly rootVkey: string;
  readonly made: readonly string[];
}

function tell({ keyring, audiences, trustFile, rootVkey, made }: Answer): void {
  print(`keyring     ${keyring}${audiences.length > 0 ? `: new keys for ${audiences.join(', ')}` : ''}`);
  print(`trust file  ${trustFile}${made.includes(TRUST_FILE) ? '' : ' (was there, unchanged)'}`);
  print(`root vkey   ${rootVkey}`);
  note('');
  note('keys.file of gauze.yaml names the keyring; each host needs only the keys of its own role in it.');
  note(
    'audit.trustFile and audit.rootVkey belong to those who verify; let auditors pin the root vkey by another way.',
  );
  if (made.includes(ROOT_KEY_FILE))
    note(
      `Take ${join(dirname(trustFile), ROOT_KEY_FILE)} offline now: whoever has it decides whose evidence counts.`,
    );
}
