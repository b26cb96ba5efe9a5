/**
 * Loads gauze.yaml: checks everything, reports all problems at once with their lines, and gives back frozen
 * data. The only file that reads the environment. It never repeats a value in an error, and corrects nothing
 * silently.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import { configSchema } from './config-settings.ts';
import type { RoleName } from './config-settings.ts';
import { expectedAt, pathSettings, settingsBelow, standInOf } from './config-rows.ts';
import { contradictions } from './config-contradictions.ts';
import { YamlFile } from './yaml-file.ts';
import { GauzeError, GauzeErrors } from './errors.ts';
import { nearestName } from './suggestion.ts';

/** The checked config: every default filled in, every path absolute, every object frozen. */
export type Config = z.output<typeof configSchema>;

/** A Kafka log-in with its password; never to be logged. */
export type ConfigLogin =
  | {
      readonly mechanism: 'scram-sha-256' | 'scram-sha-512' | 'plain';
      readonly username: string;
      readonly password: string;
    }
  | { readonly mechanism: 'oauthbearer'; readonly username: string; readonly oauth: OauthSettings };

/** Where tokens come from, with the client's secret. */
export interface OauthSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly audience?: string | undefined;
  readonly scope?: string | undefined;
}

/** Will the config be used to connect to anything? */
export type Reach = 'connects' | 'offline';

/** Settings that would hold a secret if they existed; one that names the file of a secret holds none. */
const SECRET_WORDS = /pass(word|wd|phrase)?$|secret(?!s?File$)|token$|api_?key|private_?key|credential/i;

/** A variable of the environment; undefined where it is not set or empty. */
export function environment(name: string): string | undefined {
  return process.env[name] || undefined;
}

/**
 * @param file path of gauze.yaml
 * @param variable where `${NAME}` is looked up
 * @param reach `offline` for who connects to nothing and reads no secret: an address or a file whose variable is not set leads nowhere
 * @throws GauzeErrors with every problem of the file; ERR_CONFIG_FILE_ABSENT where there is none
 */
export async function loadConfig(
  file: string,
  variable = environment,
  reach: Reach = 'connects',
): Promise<Config> {
  const yaml = YamlFile.parse(file, await readConfigText(file));
  const unset = yaml.substitute(variable, reach === 'offline' ? standInOf : undefined);
  const secrets = yaml.inlineSecrets(SECRET_WORDS);
  const parsed = configSchema.safeParse(yaml.value());
  // One problem, one error: a secret is not also an unknown setting, an unset variable not also a wrong value.
  const told = new Set(secrets.map((place) => place.join('.')));
  const wrong = (parsed.error?.issues ?? [])
    .flatMap((issue) => settingErrors(yaml, issue))
    .filter(({ context: { setting = '' } }) => !told.has(setting) && !yaml.isUnresolved(setting));
  const inline = secrets.map((place) => yaml.error('ERR_CONFIG_SECRET_INLINE', place));
  const errors = [...unset, ...inline, ...wrong];
  if (errors.length === 0 && parsed.success) errors.push(...contradictions(parsed.data, yaml));
  if (errors.length > 0 || !parsed.success) throw new GauzeErrors(inOrder(errors));
  return deepFreeze(withAbsolutePaths(parsed.data, path.dirname(path.resolve(file))));
}

/**
 * The log-in of a role, with the password read from its file.
 * @throws GauzeError ERR_CONFIG_ROLE_MISSING, ERR_CONFIG_FILE_UNREADABLE
 */
export async function login(config: Config, role: RoleName): Promise<ConfigLogin> {
  const entry = config.kafka.roles[role];
  if (!entry) throw new GauzeError('ERR_CONFIG_ROLE_MISSING', { role });
  const { mechanism, username, passwordFile, oauth } = entry;
  if (mechanism === 'oauthbearer') {
    if (!oauth) throw new GauzeError('ERR_CONFIG_ROLE_MISSING', { role });
    const { clientSecretFile, ...settings } = oauth;
    const clientSecret = await readSecret(clientSecretFile);
    return { mechanism, username, oauth: { ...settings, clientSecret } };
  }
  if (passwordFile === undefined) throw new GauzeError('ERR_CONFIG_ROLE_MISSING', { role });
  return { mechanism, username, password: await readSecret(passwordFile) };
}

/**
 * The text of a file that holds one secret; a line break at its end does not belong to it.
 * @throws GauzeError ERR_CONFIG_FILE_UNREADABLE, also for an empty file
 */
export async function readSecret(file: string): Promise<string> {
  const secret = (await readText(file)).replace(/\r?\n$/, '');
  if (secret === '') throw new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file });
  return secret;
}

/** That there is none is the first thing to know, and the most frequent: somebody stands in another folder. */
async function readConfigText(file: string): Promise<string> {
  if (!existsSync(file)) throw new GauzeError('ERR_CONFIG_FILE_ABSENT', { file, actual: path.resolve(file) });
  return await readText(file);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    throw new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file });
  }
}

/** An issue of zod in our words; zod's own text may repeat values and is not used. */
function settingErrors(yaml: YamlFile, issue: z.core.$ZodIssue): GauzeError[] {
  if (issue.code === 'unrecognized_keys') {
    const known = settingsBelow(issue.path.map(String).join('.'));
    return issue.keys.map((key) => {
      const nearest = nearestName(key, known) ?? undefined;
      return yaml.error('ERR_CONFIG_SETTING_UNKNOWN', [...issue.path, key], undefined, nearest);
    });
  }
  if (issue.code === 'invalid_union') {
    const branch = closestBranch(issue);
    if (branch) {
      return branch.flatMap((inner) =>
        settingErrors(yaml, { ...inner, path: [...issue.path, ...inner.path] }),
      );
    }
  }
  if (!yaml.has(issue.path)) return [yaml.error('ERR_CONFIG_SETTING_MISSING', issue.path)];
  return [yaml.error('ERR_CONFIG_SETTING_WRONG', issue.path, expectedAt(issue.path))];
}

/** The alternative that a person meant: the one whose problems lie inside it. */
function closestBranch(issue: z.core.$ZodIssueInvalidUnion): readonly z.core.$ZodIssue[] | undefined {
  return issue.errors.find((issues) =>
    issues.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
  );
}

function inOrder(errors: readonly GauzeError[]): readonly GauzeError[] {
  return errors.toSorted((a, b) => (a.context.line ?? 0) - (b.context.line ?? 0));
}

function withAbsolutePaths(config: Config, folder: string): Config {
  const names = pathSettings();
  const resolve = (value: unknown, name: string): unknown => {
    if (typeof value === 'string') return names.has(name) ? path.resolve(folder, value) : value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [key, resolve(child, name ? `${name}.${key}` : key)]),
    );
  };
  return resolve(config, '') as Config;
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}
