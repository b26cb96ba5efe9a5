/**
 * A cluster as one role sees it: addresses, TLS and that role's log-in. Never printed.
 */
import type { ConnectionOptions } from 'node:tls';
import type { AnyLogin, KafkaAddress } from './login.ts';

export interface KafkaEndpoint {
  /** Bootstrap brokers; the others are learnt from them. */
  readonly brokers: readonly KafkaAddress[];
  /** TLS options of node:tls, or false for a plain connection. */
  readonly ssl: ConnectionOptions | false;
  readonly login: AnyLogin;
  /** The role whose log-in this is; for errors only. */
  readonly role: string;
}
