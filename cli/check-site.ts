/**
 * What `gauze check` reads of a site: config, policies, keys, the registry's versions. Whatever cannot be read is a
 * problem, or is said to be left out; the rest is checked all the same.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { lintAccessRules } from '../approvals/access-rules.ts';
import { loadAccessRules } from '../approvals/access-rules-file.ts';
import { loadKeyring } from '../keys/keyring.ts';
import type { Keyring } from '../keys/keyring.ts';
import { temporaryKeyring } from '../keys/temporary-keyring.ts';
import { GauzeError } from '../platform/errors.ts';
import { readPolicies } from '../policy/load-policies.ts';
import type { Policy } from '../policy/policy.ts';
import type { SubjectVersion } from '../schemas/registry-client.ts';
import type { SiteTags } from '../schemas/tags.ts';
import { valueSubject } from '../schemas/topic-names.ts';
import type { CheckReport } from './check-report.ts';
import { missingInputs } from './pinned-inputs.ts';
import { Site } from './site.ts';

export interface SiteToCheck {
  readonly policies: readonly Policy[];
  readonly siteTags: SiteTags;
  /** The site's own keys, or keys made for the occasion. */
  readonly keys: Keyring;
  /** Versions by topic; null where the registry was not asked or did not answer. */
  readonly versions: ReadonlyMap<string, readonly SubjectVersion[]> | null;
}

/** How long the registry is waited for: a check in a pull request has none. */
const PATIENCE = { attempts: 1, requestTimeoutMs: 3_000 } as const;

/** Reads it; `config` is null where only schema files are to be checked. */
export async function readSiteToCheck(
  config: string | null,
  isOffline: boolean,
  report: CheckReport,
): Promise<SiteToCheck> {
  const site = config === null ? undefined : await readConfig(config, isOffline, report);
  // Without the file, nobody has said where anything else is: what would be missed there is not the cause.
  const isThere = config !== null && existsSync(config);
  const policies = isThere ? await readAllPolicies(site, config, report) : [];
  if (site) await checkAccessRules(site, policies, report);
  const own = isOffline || !site ? undefined : await readKeys(site, policies, report);
  if (site && isOffline) report.skip('keys', 'not read (--offline)');
  return {
    policies,
    siteTags: site?.siteTags ?? new Map(),
    keys: own ?? (await temporaryKeyring(policies.map(({ audience }) => audience))),
    versions: site ? await readVersions(site, policies, isOffline, report) : null,
  };
}

async function readConfig(file: string, isOffline: boolean, report: CheckReport): Promise<Site | undefined> {
  const before = report.problems.length;
  const site = await report.collect(
    async () => await Site.load(file, isOffline ? 'offline' : 'connects'),
    ({ context }) => ({
      file: context.file ?? file,
    }),
  );
  report.conclude('config', before, file);
  return site;
}

async function readAllPolicies(
  site: Site | undefined,
  config: string,
  report: CheckReport,
): Promise<readonly Policy[]> {
  const before = report.problems.length;
  const { policies, problems } = await readPolicies(site?.config.policies ?? (await policiesFolder(config)));
  report.add(...problems);
  const audiences = policies.map(({ audience }) => audience).join(', ');
  report.conclude('policies', before, audiences === '' ? 'none' : audiences);
  // Where one audience has two policies, the first is checked further.
  return policies.filter(
    (policy, at) => policies.findIndex(({ audience }) => audience === policy.audience) === at,
  );
}

/** Reads the access rules, where the config names a file of them, and looks at them beside roles and policies. */
async function checkAccessRules(
  { config, siteTags }: Site,
  policies: readonly Policy[],
  report: CheckReport,
): Promise<void> {
  const file = config.access;
  if (file === undefined) return;
  const before = report.problems.length;
  const rules = await report.collect(
    async () => await loadAccessRules(file, { roles: config.roles, siteTags }),
    ({ context }) => ({ file: context.file ?? file }),
  );
  if (rules)
    report.add(...lintAccessRules(rules, { roles: config.roles, topics: new Set(topicsOf(policies)) }));
  report.conclude('access', before, rules ? rules.rules.map(({ name }) => name).join(', ') : '');
}

/** Where the policies are if the config has mistakes elsewhere: so that all are told at once. */
async function policiesFolder(config: string): Promise<string> {
  const text = await readFile(config, 'utf8').catch(() => '');
  const { policies } = (parseDocument(text).toJS() ?? {}) as { policies?: unknown };
  return resolve(dirname(config), typeof policies === 'string' ? policies : 'policies');
}

async function readKeys(
  site: Site,
  policies: readonly Policy[],
  report: CheckReport,
): Promise<Keyring | undefined> {
  const file = site.config.keys?.file;
  if (file === undefined) {
    report.skip('keys', 'the config names no keyring');
    return undefined;
  }
  const before = report.problems.length;
  const keyring = await report.collect(async () => await loadKeyring(file));
  const lacking = policies.filter(({ audience }) => keyring && !keyring.audiences.includes(audience));
  for (const { audience } of lacking) report.add(new GauzeError('ERR_KEY_MISSING', { audience, file }));
  await report.collect(
    () => keyring?.subjectTokens(),
    () => ({ file }),
  );
  const aliases = await report.collect(async () => await site.aliases());
  const able = policies.filter((policy) => !lacking.includes(policy));
  if (keyring && aliases) report.add(...missingInputs(able, keyring, aliases));
  report.conclude('keys', before, 'a key for each audience, in a file that only its owner can read');
  return keyring && lacking.length === 0 ? keyring : undefined;
}

async function readVersions(
  site: Site,
  policies: readonly Policy[],
  isOffline: boolean,
  report: CheckReport,
): Promise<ReadonlyMap<string, readonly SubjectVersion[]> | null> {
  if (isOffline) {
    report.skip('registry', 'not asked (--offline)');
    return null;
  }
  const before = report.problems.length;
  const versions = new Map<string, readonly SubjectVersion[]>();
  const registry = await report.collect(async () => await site.registry(PATIENCE));
  if (!registry) return null;
  for (const topic of topicsOf(policies)) {
    try {
      versions.set(topic, await registry.subjectVersions(valueSubject(topic)));
    } catch (error) {
      if (!(error instanceof GauzeError)) throw error;
      if (error.code === 'ERR_REGISTRY_UNREACHABLE') {
        report.skip('registry', 'does not answer: schemas that are registered were not checked');
        return null;
      }
      report.add(error);
    }
  }
  const registered = [...versions.values()].reduce((sum, each) => sum + each.length, 0);
  report.conclude('registry', before, `versions: ${registered}, subjects: ${versions.size}`);
  return versions;
}

/** Every topic that a policy covers, once. */
export function topicsOf(policies: readonly Policy[]): readonly string[] {
  return [...new Set(policies.flatMap((policy) => [...policy.topics.keys()]))].sort();
}
