/**
 * One authenticated connection to one broker: requests go out pipelined, answers come back in order.
 * A request that is not answered in time kills the connection, so that a late answer can never be taken
 * for the answer to something else and an unknown outcome is always seen as such.
 */
import net from 'node:net';
import tls from 'node:tls';
import { monotonicMs, timer } from '../platform/clock.ts';
import { GauzeError, foreignName } from '../platform/errors.ts';
import { authenticatorFor } from './authenticator.ts';
import type { KafkaEndpoint } from './endpoint.ts';
import { takeFrame } from './frame-pool.ts';
import type { KafkaAddress } from './login.ts';
import { ProtocolReader } from './protocol-reader.ts';
import { ProtocolWriter } from './protocol-writer.ts';

/** A request of the Kafka protocol at the version we speak. */
export interface ApiSpec {
  readonly key: number;
  readonly version: number;
  readonly name: string;
  /** Flexible versions use header v2 and end structures in tagged fields (KIP-482). */
  readonly flexible: boolean;
}

export interface ConnectionOptions {
  readonly connectTimeoutMs?: number;
  /** Largest answer taken; a longer one ends the connection. */
  readonly frameBytesMax?: number;
}

interface Pending {
  readonly correlation: number;
  readonly deadline: number;
  readonly api: ApiSpec;
  readonly timeoutMs: number;
  resolve(reader: ProtocolReader): void;
  reject(error: GauzeError): void;
}

const CLIENT_ID = Buffer.from('gauze');
const SASL_HANDSHAKE: ApiSpec = { key: 17, version: 1, name: 'SaslHandshake', flexible: false };
const SASL_AUTHENTICATE: ApiSpec = { key: 36, version: 2, name: 'SaslAuthenticate', flexible: true };
const API_VERSIONS_KEY = 18;
const SASL_TIMEOUT_MS = 10_000;
/** What sockets read into, all of them: each chunk is copied into its frame before the next one is read. */
const chunkMemory = Buffer.allocUnsafeSlow(256 * 1024);

export class Connection {
  readonly address: KafkaAddress;
  private readonly endpoint: KafkaEndpoint;
  private readonly frameBytesMax: number;
  private socket!: net.Socket;
  private failure: GauzeError | null = null;
  private correlation = 0;
  private pending: Pending[] = [];
  private deadlineTimer: { cancel(): void; readonly at: number } | null = null;
  private reauthTimer: { cancel(): void } | null = null;
  /** While the broker authenticates us again, nothing else may be sent (KIP-368). */
  private gate: Promise<void> | null = null;
  private readonly lengthBytes = Buffer.alloc(4);
  private lengthRead = 0;
  private frame: Buffer | null = null;
  private frameRead = 0;

  private constructor(address: KafkaAddress, endpoint: KafkaEndpoint, frameBytesMax: number) {
    this.address = address;
    this.endpoint = endpoint;
    this.frameBytesMax = frameBytesMax;
  }

  /** Connects and logs in. Throws ERR_KAFKA_CONNECT, ERR_KAFKA_AUTHENTICATION or ERR_KAFKA_REQUEST_TIMEOUT. */
  static async open(
    address: KafkaAddress,
    endpoint: KafkaEndpoint,
    options: ConnectionOptions = {},
  ): Promise<Connection> {
    const connection = new Connection(address, endpoint, options.frameBytesMax ?? 128 * 1024 * 1024);
    await connection.dial(options.connectTimeoutMs ?? 5_000);
    try {
      await connection.logIn();
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  /** True until the socket has ended for any reason. */
  get alive(): boolean {
    return this.failure === null;
  }

  /**
   * Sends one request; `parts` are the pieces of its body. The reader stands after the response header.
   * Rejects with ERR_KAFKA_CONNECTION_LOST or ERR_KAFKA_REQUEST_TIMEOUT: then the outcome is unknown.
   */
  async send(api: ApiSpec, parts: readonly Uint8Array[], timeoutMs: number): Promise<ProtocolReader> {
    while (this.gate) await this.gate;
    return await this.write(api, parts, timeoutMs);
  }

  close(): void {
    this.fail(this.lost());
  }

  private write(api: ApiSpec, parts: readonly Uint8Array[], timeoutMs: number): Promise<ProtocolReader> {
    if (this.failure) return Promise.reject(this.failure);
    this.correlation = (this.correlation + 1) & 0x7fffffff;
    const correlation = this.correlation;
    const header = requestHeader(api, correlation, parts);
    return new Promise((resolve, reject) => {
      this.pending.push({
        correlation,
        deadline: monotonicMs() + timeoutMs,
        api,
        timeoutMs,
        resolve,
        reject,
      });
      this.socket.cork();
      this.socket.write(header);
      for (const part of parts) this.socket.write(part);
      this.socket.uncork();
      this.armDeadline();
    });
  }

  private async dial(timeoutMs: number): Promise<void> {
    const { host, port } = this.address;
    await new Promise<void>((resolve, reject) => {
      const late = timer(timeoutMs, () => fail('ETIMEDOUT'));
      const fail = (causeName: string): void => {
        late.cancel();
        this.fail(new GauzeError('ERR_KAFKA_CONNECT', { host, port, causeName }));
        reject(this.failure!);
      };
      const connected = (): void => {
        late.cancel();
        this.socket.removeListener('error', failed);
        this.socket.on('error', () => this.fail(this.lost()));
        resolve();
      };
      const failed = (error: Error): void => fail(foreignName(error));
      const { ssl } = this.endpoint;
      const target = { host, port, onread: { buffer: chunkMemory, callback: this.readChunk } };
      this.socket = ssl
        ? tls.connect({ ...target, ...(net.isIP(host) ? {} : { servername: host }), ...ssl }, connected)
        : net.connect(target, connected);
      this.socket.setNoDelay(true);
      this.socket.setKeepAlive(true, 60_000);
      this.socket.on('error', failed);
      this.socket.on('close', () => this.fail(this.lost()));
    });
  }

  private async logIn(): Promise<void> {
    const authenticator = authenticatorFor(this.endpoint.login);
    const where = { host: this.address.host, port: this.address.port, role: this.endpoint.role };
    let lifetimeMs = 0;
    const exchange = async (message: Buffer): Promise<Buffer> => {
      const body = new ProtocolWriter().compactBytes(message).noTags().done();
      const answer = await this.write(SASL_AUTHENTICATE, [body], SASL_TIMEOUT_MS);
      const error = answer.int16();
      answer.compactNullableString();
      const bytes = answer.compactBytes();
      if (error !== 0) throw new GauzeError('ERR_KAFKA_AUTHENTICATION', where);
      lifetimeMs = Number(answer.int64());
      return bytes;
    };
    try {
      const handshake = new ProtocolWriter().string(authenticator.mechanism).done();
      const accepted = await this.write(SASL_HANDSHAKE, [handshake], SASL_TIMEOUT_MS);
      if (accepted.int16() !== 0) throw new GauzeError('ERR_KAFKA_AUTHENTICATION', where);
      await authenticator.authenticate(exchange);
    } catch (error) {
      if (error instanceof RangeError) throw this.protocolError(SASL_AUTHENTICATE.name);
      const other = error instanceof GauzeError && error.code !== 'ERR_KAFKA_AUTHENTICATION';
      throw other ? error : new GauzeError('ERR_KAFKA_AUTHENTICATION', where);
    }
    if (lifetimeMs > 0) this.reauthTimer = timer(lifetimeMs * 0.8, () => this.logInAgain());
  }

  /** Before the session's lifetime ends (KIP-368). Requests in flight stay; new ones wait at the gate. */
  private logInAgain(): void {
    this.gate = this.logIn()
      .catch(() => this.fail(this.lost()))
      .finally(() => {
        this.gate = null;
      });
  }

  private readonly readChunk = (length: number, chunk: Uint8Array): boolean => {
    this.receive(chunk, length);
    return true;
  };

  private receive(chunk: Uint8Array, length: number): void {
    let at = 0;
    while (at < length && this.failure === null) {
      if (this.frame === null) {
        while (this.lengthRead < 4 && at < length) this.lengthBytes[this.lengthRead++] = chunk[at++]!;
        if (this.lengthRead < 4) return;
        const frameBytes = this.lengthBytes.readInt32BE(0);
        if (frameBytes < 4 || frameBytes > this.frameBytesMax)
          return this.fail(this.protocolError('a response'));
        this.lengthRead = 0;
        this.frameRead = 0;
        this.frame = takeFrame(frameBytes);
      }
      const take = Math.min(length - at, this.frame.length - this.frameRead);
      this.frame.set(chunk.subarray(at, at + take), this.frameRead);
      this.frameRead += take;
      at += take;
      if (this.frameRead === this.frame.length) this.deliver(this.frame);
    }
  }

  private deliver(frame: Buffer): void {
    this.frame = null;
    const request = this.pending.shift();
    if (!request || frame.readInt32BE(0) !== request.correlation) {
      const error = this.protocolError(request?.api.name ?? 'a response');
      request?.reject(error);
      this.fail(error);
      return;
    }
    this.armDeadline();
    const reader = new ProtocolReader(frame, 4);
    try {
      // An ApiVersions answer has no tagged fields in its header, whatever its version (KIP-511).
      if (request.api.flexible && request.api.key !== API_VERSIONS_KEY) reader.tags();
    } catch {
      const error = this.protocolError(request.api.name);
      request.reject(error);
      this.fail(error);
      return;
    }
    request.resolve(reader);
  }

  /** Keeps one timer, for whichever pending request must be answered first. */
  private armDeadline(): void {
    let first: Pending | null = null;
    for (const request of this.pending) if (!first || request.deadline < first.deadline) first = request;
    if (first && this.deadlineTimer && this.deadlineTimer.at <= first.deadline) return;
    this.deadlineTimer?.cancel();
    this.deadlineTimer = null;
    if (!first) return;
    const { deadline } = first;
    const late = timer(Math.max(1, deadline - monotonicMs()), () => {
      this.deadlineTimer = null;
      this.deadlinePassed();
    });
    this.deadlineTimer = { at: deadline, cancel: () => late.cancel() };
  }

  private deadlinePassed(): void {
    const now = monotonicMs();
    const late = this.pending.find(({ deadline }) => deadline <= now);
    if (!late) return this.armDeadline();
    const { host, port } = this.address;
    this.fail(
      new GauzeError('ERR_KAFKA_REQUEST_TIMEOUT', {
        host,
        port,
        apiName: late.api.name,
        limit: late.timeoutMs,
      }),
    );
  }

  private fail(error: GauzeError): void {
    if (this.failure) return;
    this.failure = error;
    this.deadlineTimer?.cancel();
    this.reauthTimer?.cancel();
    const pending = this.pending;
    this.pending = [];
    for (const request of pending) request.reject(error);
    this.frame = null;
    this.socket?.destroy();
  }

  private lost(): GauzeError {
    return new GauzeError('ERR_KAFKA_CONNECTION_LOST', { host: this.address.host, port: this.address.port });
  }

  private protocolError(apiName: string): GauzeError {
    return new GauzeError('ERR_KAFKA_PROTOCOL', {
      host: this.address.host,
      port: this.address.port,
      apiName,
    });
  }
}

/**
 * Reads an answer with `read`; a RangeError (an answer shorter than its own counts) becomes ERR_KAFKA_PROTOCOL.
 */
export async function request<T>(
  connection: Connection,
  api: ApiSpec,
  parts: readonly Uint8Array[],
  timeoutMs: number,
  read: (reader: ProtocolReader) => T,
): Promise<T> {
  const reader = await connection.send(api, parts, timeoutMs);
  try {
    return read(reader);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    connection.close();
    const { host, port } = connection.address;
    throw new GauzeError('ERR_KAFKA_PROTOCOL', { host, port, apiName: api.name });
  }
}

function requestHeader(api: ApiSpec, correlation: number, parts: readonly Uint8Array[]): Buffer {
  let bodyBytes = 0;
  for (const part of parts) bodyBytes += part.length;
  const header = Buffer.allocUnsafe(14 + CLIENT_ID.length + (api.flexible ? 1 : 0));
  header.writeInt32BE(header.length - 4 + bodyBytes, 0);
  header.writeInt16BE(api.key, 4);
  header.writeInt16BE(api.version, 6);
  header.writeInt32BE(correlation, 8);
  header.writeInt16BE(CLIENT_ID.length, 12);
  CLIENT_ID.copy(header, 14);
  if (api.flexible) header[header.length - 1] = 0;
  return header;
}
