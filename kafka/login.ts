/**
 * Who logs in to Kafka and where: plain data shared by every kind of connection in this folder.
 * A log-in holds a password, or gives tokens: it must never be logged, printed or put into an error.
 */

/** Host and port of one broker. */
export interface KafkaAddress {
  readonly host: string;
  readonly port: number;
}

/** SASL mechanisms that take a name and a password (RFC 5802, RFC 7677, RFC 4616). */
export type LoginMechanism = 'scram-sha-256' | 'scram-sha-512' | 'plain';

/** One SASL log-in with a password. */
export interface Login {
  readonly mechanism: LoginMechanism;
  readonly username: string;
  readonly password: string;
}

/** A log-in with a token of the identity provider (RFC 7628). */
export interface TokenLogin {
  readonly mechanism: 'oauthbearer';
  /** The Kafka user that the token makes. */
  readonly username: string;
  /** A token that is valid now. Throws ERR_KAFKA_TOKEN. */
  token(): Promise<string>;
}

/** However one logs in. */
export type AnyLogin = Login | TokenLogin;

/** Splits `host:port` (or `[v6]:port`); null where the text is neither. */
export function parseAddress(text: string): KafkaAddress | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s/]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port > 0 && port < 65_536 ? { host, port } : null;
}
