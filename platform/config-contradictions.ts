/**
 * Settings that are each fine and cannot both be meant. Told before anything starts, never settled by
 * preferring one of them.
 */
import type { z } from 'zod';
import type { configSchema, RoleName } from './config-settings.ts';
import type { GauzeError } from './errors.ts';
import type { SettingPath, YamlFile } from './yaml-file.ts';

type Checked = z.output<typeof configSchema>;

interface Contradiction {
  readonly setting: SettingPath;
  /** Completes "{setting} contradicts". */
  readonly against: string;
}

/** ERR_CONFIG_CONTRADICTION for each pair. */
export function contradictions(config: Checked, yaml: YamlFile): readonly GauzeError[] {
  return [...ofLogins(config), ...ofFiles(config), ...ofLimits(config), ...ofAddresses(config)].map(
    ({ setting, against }) => yaml.error('ERR_CONFIG_CONTRADICTION', setting, against),
  );
}

function ofLogins({ kafka }: Checked): readonly Contradiction[] {
  const found: Contradiction[] = [];
  const users = new Map<string, RoleName>();
  for (const [name, role] of Object.entries(kafka.roles)) {
    if (!role) continue;
    const setting = ['kafka', 'roles', name];
    const isToken = role.mechanism === 'oauthbearer';
    if ((role.mechanism === 'plain' || isToken) && kafka.ssl === false) {
      const sent = isToken ? 'oauthbearer would send the token' : 'plain would send the password';
      found.push({ setting: [...setting, 'mechanism'], against: `kafka.ssl: ${sent} in clear` });
    }
    if (isToken !== (role.oauth !== undefined) || isToken === (role.passwordFile !== undefined)) {
      const needs = isToken
        ? 'oauthbearer needs oauth, and no passwordFile'
        : 'needs passwordFile, and no oauth';
      found.push({ setting, against: `its mechanism: ${needs}` });
    }
    const other = users.get(role.username);
    if (other === undefined) users.set(role.username, name as RoleName);
    else {
      found.push({
        setting: ['kafka', 'roles', name, 'username'],
        against: `kafka.roles.${other}.username: one user would have the rights of both`,
      });
    }
  }
  return found;
}

function ofFiles({ kafka, registry, redis, notifications: { mail } }: Checked): readonly Contradiction[] {
  const found: Contradiction[] = [];
  if (
    typeof kafka.ssl === 'object' &&
    (kafka.ssl.certFile === undefined) !== (kafka.ssl.keyFile === undefined)
  ) {
    found.push({ setting: ['kafka', 'ssl'], against: 'itself: certFile and keyFile belong together' });
  }
  if ((registry.username === undefined) !== (registry.passwordFile === undefined)) {
    found.push({ setting: ['registry'], against: 'itself: username and passwordFile belong together' });
  }
  if (mail && (mail.username === undefined) !== (mail.passwordFile === undefined)) {
    found.push({
      setting: ['notifications', 'mail'],
      against: 'itself: username and passwordFile belong together',
    });
  }
  if (redis?.passwordFile !== undefined && /^rediss?:\/\/[^/]*:[^/]*@/.test(redis.url)) {
    found.push({ setting: ['redis', 'passwordFile'], against: 'the password in redis.url' });
  }
  return found;
}

function ofLimits({ limits }: Checked): readonly Contradiction[] {
  if (limits.fetchBytes <= limits.decompressedBytes) return [];
  return [
    { setting: ['limits', 'fetchBytes'], against: 'limits.decompressedBytes, which must not be smaller' },
  ];
}

/** Addresses to which tokens, or what says who asked for what, are sent in clear only on this machine. */
function ofAddresses({ kafka, oidc, http, notifications }: Checked): readonly Contradiction[] {
  const addresses: readonly (readonly [SettingPath, string | undefined, string])[] = [
    [['oidc', 'issuer'], oidc?.issuer, 'an issuer'],
    ...Object.entries(kafka.roles).map(
      ([name, role]) =>
        [['kafka', 'roles', name, 'oauth', 'issuer'], role?.oauth?.issuer, 'an issuer'] as const,
    ),
    [['http', 'publicUrl'], http.publicUrl, 'an address'],
    [['notifications', 'webhook', 'url'], notifications.webhook?.url, 'a webhook'],
  ];
  return addresses
    .filter(([, address]) => address?.startsWith('http://') && !isOfThisMachine(address))
    .map(([setting, , what]) => ({ setting, against: `itself: ${what} elsewhere must be https` }));
}

/** Is this `http://` address one of the loopback interface? */
export function isOfThisMachine(address: string): boolean {
  return /^http:\/\/(127\.0\.0\.1|localhost|\[::1\])([:/]|$)/.test(address);
}
