/**
 * A TCP server that speaks just enough of the Kafka protocol to be scripted: it reads whole request frames, and
 * each test says what is answered, or that nothing is. It logs every request's bytes; it keeps no state of its own.
 */
import net from 'node:net';
import type { KafkaEndpoint } from '../../kafka/endpoint.ts';
import type { KafkaAddress, Login } from '../../kafka/login.ts';
import { ProtocolReader } from '../../kafka/protocol-reader.ts';
import { ProtocolWriter } from '../../kafka/protocol-writer.ts';

export interface ReceivedRequest {
  readonly key: number;
  readonly version: number;
  readonly correlation: number;
  /** What follows the request header. */
  readonly body: Buffer;
  /** Which connection it came over, counted from 0. */
  readonly connection: number;
}

/**
 * `body`: an answer with the right header; `frame`: an answer whose bytes after the length are given whole;
 * `bytes`: anything at all; `silence`: no answer; `close`: the end of the connection.
 */
export type ScriptedAnswer =
  { readonly body: Buffer } | { readonly frame: Buffer } | { readonly bytes: Buffer } | 'silence' | 'close';

/** Answers by API key; what has none is not answered. */
export type Script = Readonly<
  Record<number, (request: ReceivedRequest) => ScriptedAnswer | Promise<ScriptedAnswer>>
>;

export const SASL_HANDSHAKE = 17;
export const SASL_AUTHENTICATE = 36;
const API_VERSIONS = 18;
/** Requests and answers with the old header, without tagged fields. */
const INFLEXIBLE = new Set([SASL_HANDSHAKE]);

/** Answers that let any password in. */
export const LOG_IN: Script = {
  [SASL_HANDSHAKE]: () => ({ body: new ProtocolWriter().int16(0).int32(0).done() }),
  [SASL_AUTHENTICATE]: () => ({ body: saslAnswer(Buffer.alloc(0)) }),
};

/** A SaslAuthenticate v2 answer. */
export function saslAnswer(bytes: Buffer, error = 0, lifetimeMs = 0): Buffer {
  return new ProtocolWriter()
    .int16(error)
    .compactString(null)
    .compactBytes(bytes)
    .int64(lifetimeMs)
    .noTags()
    .done();
}

/** A FindCoordinator v4 answer that names this address for whatever was asked. */
export function coordinatorAnswer({ host, port }: KafkaAddress, node = 1, error = 0): Buffer {
  const body = new ProtocolWriter().int32(0);
  body.compactArray([node], (id) => {
    body.compactString('asked').int32(id).compactString(host).int32(port).int16(error);
    body.compactString(null).noTags();
  });
  return body.noTags().done();
}

/** The id of every topic that `metadataAnswer` names. */
export const TOPIC_ID = '0f'.repeat(16);

/** A Metadata v12 answer with one topic, or with an error for it, by the one broker there is. */
export function metadataAnswer(
  topic: { name: string; error?: number; leaders?: readonly number[] } | null,
  { host, port }: KafkaAddress = { host: '127.0.0.1', port: 1 },
): Buffer {
  const body = new ProtocolWriter().int32(0);
  body.compactArray([1], (id) => body.int32(id).compactString(host).int32(port).unsignedVarint(0).noTags());
  body.compactString('cluster-of-the-test').int32(1);
  body.compactArray(topic ? [topic] : [], ({ name, error = 0, leaders = [] }) => {
    body.int16(error).compactString(name).uuid(TOPIC_ID).boolean(false);
    body.compactArray([...leaders.entries()].toReversed(), ([index, leader]) => {
      body.int16(0).int32(index).int32(leader).int32(0);
      for (let i = 0; i < 3; i++) body.compactArray([leader], (node) => body.int32(node));
      body.noTags();
    });
    body.int32(0).noTags();
  });
  return body.noTags().done();
}

export class ScriptedBroker {
  readonly requests: ReceivedRequest[] = [];
  /** May be changed while running. */
  script: Script;
  private readonly server: net.Server;
  private readonly sockets: net.Socket[] = [];

  private constructor(script: Script) {
    this.script = script;
    this.server = net.createServer((socket) => this.serve(socket));
  }

  static async start(script: Script): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(script);
    await new Promise<void>((resolve) => broker.server.listen(0, '127.0.0.1', resolve));
    return broker;
  }

  get address(): KafkaAddress {
    const { port } = this.server.address() as net.AddressInfo;
    return { host: '127.0.0.1', port };
  }

  endpoint(login: Partial<Login> = {}): KafkaEndpoint {
    const whole = { mechanism: 'plain', username: 'gauze-test', password: 'synthetic', ...login } as const;
    return { brokers: [this.address], ssl: false, role: 'topology', login: whole };
  }

  /** Connections taken so far, and how many of them are still open. */
  get connections(): { readonly taken: number; readonly open: number } {
    const open = this.sockets.filter((socket) => !socket.destroyed).length;
    return { taken: this.sockets.length, open };
  }

  /** Requests with this API key. */
  received(key: number): readonly ReceivedRequest[] {
    return this.requests.filter((request) => request.key === key);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
    });
  }

  private serve(socket: net.Socket): void {
    const connection = this.sockets.push(socket) - 1;
    let waiting = Buffer.alloc(0);
    let last = Promise.resolve();
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      waiting = Buffer.concat([waiting, chunk]);
      while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
        const end = 4 + waiting.readInt32BE(0);
        const request = parse(waiting.subarray(4, end), connection);
        waiting = waiting.subarray(end);
        this.requests.push(request);
        last = last.then(async () => await this.answer(socket, request));
      }
    });
  }

  private async answer(socket: net.Socket, request: ReceivedRequest): Promise<void> {
    const answer = (await this.script[request.key]?.(request)) ?? 'silence';
    if (answer === 'silence') return;
    if (answer === 'close') socket.destroy();
    else if ('bytes' in answer) socket.write(answer.bytes);
    else if ('frame' in answer) socket.write(framed(answer.frame));
    else socket.write(framed(Buffer.concat([header(request), answer.body])));
  }
}

/** A frame with its length before it. */
export function framed(frame: Buffer): Buffer {
  return new ProtocolWriter(frame.length + 4).bytes(frame).done();
}

function header({ key, correlation }: ReceivedRequest): Buffer {
  const writer = new ProtocolWriter().int32(correlation);
  if (!INFLEXIBLE.has(key) && key !== API_VERSIONS) writer.noTags();
  return writer.done();
}

function parse(frame: Buffer, connection: number): ReceivedRequest {
  const r = new ProtocolReader(frame);
  const head = { key: r.int16(), version: r.int16(), correlation: r.int32() };
  r.string();
  if (!INFLEXIBLE.has(head.key)) r.tags();
  return { ...head, body: frame.subarray(r.position), connection };
}
