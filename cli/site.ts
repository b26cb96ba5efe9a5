/**
 * What verbs need of a site: its config turned into endpoints, clients and names. Opens nothing by itself.
 */
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { KafkaAdmin } from '../kafka/admin.ts';
import { Cluster } from '../kafka/cluster.ts';
import type { KafkaEndpoint } from '../kafka/endpoint.ts';
import type { KafkaJsOptions } from '../kafka/kafkajs-client.ts';
import { parseAddress } from '../kafka/login.ts';
import type { AnyLogin } from '../kafka/login.ts';
import { loadKeyring } from '../keys/keyring.ts';
import type { Keyring } from '../keys/keyring.ts';
import { NO_ALIASES, loadPersonAliases } from '../keys/person-aliases.ts';
import type { PersonAliases } from '../keys/person-aliases.ts';
import { loadConfig, login, readSecret } from '../platform/config.ts';
import type { Config, OauthSettings, Reach } from '../platform/config.ts';
import type { RoleName } from '../platform/config-settings.ts';
import { GauzeError } from '../platform/errors.ts';
import type { RolePrincipals } from '../policy/desired-state.ts';
import { RegistryClient } from '../schemas/registry-client.ts';
import type { RegistryOptions } from '../schemas/registry-client.ts';
import { mapSiteTags } from '../schemas/site-tags.ts';
import type { SiteTags } from '../schemas/tags.ts';
import { topicNames } from '../schemas/topic-names.ts';
import type { TopicNames } from '../schemas/topic-names.ts';
import { tokenLogin } from './token-source.ts';

export class Site {
  readonly config: Config;
  readonly names: TopicNames;
  readonly siteTags: SiteTags;
  readonly #tokenLogins = new Map<RoleName, AnyLogin>();

  private constructor(config: Config, file: string) {
    this.config = config;
    this.names = topicNames(config.topics.prefix);
    this.siteTags = mapSiteTags(config.tags, file);
  }

  /** Throws GauzeErrors with every problem of the config. `offline`: for what connects to nothing. */
  static async load(file: string, reach: Reach = 'connects'): Promise<Site> {
    return new Site(await loadConfig(file, undefined, reach), file);
  }

  /** Kafka principals of the roles; where a role has no log-in in this config, its usual name. */
  get principals(): RolePrincipals {
    const { roles } = this.config.kafka;
    const principal = (role: RoleName): string => `User:${roles[role]?.username ?? `gauze-${role}`}`;
    return {
      admin: principal('admin'),
      topology: principal('topology'),
      approvals: principal('approvals'),
      provisioner: principal('provisioner'),
      sealer: principal('sealer'),
      auditor: principal('auditor'),
    };
  }

  /** The keyring. Throws ERR_CONFIG_SETTING_MISSING where the config names none, and what loadKeyring throws. */
  async keyring(): Promise<Keyring> {
    const { keys } = this.config;
    if (!keys)
      throw new GauzeError('ERR_CONFIG_SETTING_MISSING', {
        setting: 'keys.file',
        file: 'gauze.yaml',
        line: 1,
      });
    return await loadKeyring(keys.file);
  }

  /** Which ids of persons were merged; nobody's where the config names no file. Throws what loadPersonAliases throws. */
  async aliases(): Promise<PersonAliases> {
    const { aliasFile } = this.config.persons;
    return aliasFile === undefined ? NO_ALIASES : await loadPersonAliases(aliasFile);
  }

  /** A cluster client with the log-in of `role`; nothing is connected yet. */
  async cluster(role: RoleName): Promise<Cluster> {
    return new Cluster(await this.endpoint(role));
  }

  /** The cluster as `role` sees it. */
  async endpoint(role: RoleName): Promise<KafkaEndpoint> {
    return await this.endpointOf(role, await this.#login(role));
  }

  /** The cluster as somebody else sees it: an audience with its own log-in. */
  async endpointOf(role: string, as: AnyLogin): Promise<KafkaEndpoint> {
    const brokers = this.config.kafka.brokers.map((text) => {
      const address = parseAddress(text);
      if (!address)
        throw new GauzeError('ERR_CONFIG_SETTING_WRONG', { setting: 'kafka.brokers', expected: 'host:port' });
      return address;
    });
    return { brokers, ssl: await this.tls(), login: as, role };
  }

  /** Options for kafkajs with the log-in of `role`. */
  async kafkaJsOptions(role: RoleName): Promise<KafkaJsOptions> {
    return {
      brokers: this.config.kafka.brokers,
      ssl: await this.tls(),
      login: await this.#login(role),
    };
  }

  /** An admin client with the log-in of `role`; the caller connects and closes it. */
  async admin(role: RoleName): Promise<KafkaAdmin> {
    return new KafkaAdmin(await this.kafkaJsOptions(role));
  }

  /** A client of the registry; `patience`: how long it tries, where that differs from the client's own. */
  async registry(
    patience: Pick<RegistryOptions, 'attempts' | 'requestTimeoutMs'> = {},
  ): Promise<RegistryClient> {
    const { url, username, passwordFile } = this.config.registry;
    const password = passwordFile ? await readSecret(passwordFile) : null;
    const access = { url, ...(username ? { username } : {}), ...(password ? { password } : {}) };
    return new RegistryClient({ ...access, ...patience });
  }

  async #login(role: RoleName): Promise<AnyLogin> {
    const found = await login(this.config, role);
    return found.mechanism === 'oauthbearer' ? this.#tokens(role, found.username, found.oauth) : found;
  }

  /** One source of tokens for each role, however many connections it has. */
  #tokens(role: RoleName, username: string, oauth: OauthSettings): AnyLogin {
    const known = this.#tokenLogins.get(role) ?? tokenLogin(username, oauth);
    this.#tokenLogins.set(role, known);
    return known;
  }

  private async tls(): Promise<ConnectionOptions | false> {
    const { ssl } = this.config.kafka;
    if (ssl === false) return false;
    if (ssl === true) return {};
    return {
      ...(ssl.caFile ? { ca: await pem(ssl.caFile) } : {}),
      ...(ssl.certFile ? { cert: await pem(ssl.certFile) } : {}),
      ...(ssl.keyFile ? { key: await pem(ssl.keyFile) } : {}),
    };
  }
}

async function pem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    throw new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file });
  }
}
