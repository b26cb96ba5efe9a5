/**
 * Stands between Kafka clients and the brokers of the test stack, knows where requests and answers begin and end, and
 * does to one of them what a rule says. Brokers' addresses in answers are made to lead through here, so that a client
 * that begins here never finds another way.
 */
import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { API_KEYS, FaultCounter, bytesBeforeCut } from './fault-rule.ts';
import type { FaultRule, FiredFault } from './fault-rule.ts';
import {
  FrameSplitter,
  answeredCorrelation,
  requestHead,
  withOtherGeneration,
  withOtherPorts,
} from './frame-splitter.ts';
import type { RequestHead } from './frame-splitter.ts';

/** Answers that name brokers. */
const NAMES_BROKERS = new Set<number>([API_KEYS.Metadata, API_KEYS.FindCoordinator]);

interface Passed extends RequestHead {
  readonly rule: FaultRule | null;
}

export class FaultProxy {
  /** Where to begin, `host:port` each, in the order of the brokers. */
  readonly addresses: string[] = [];
  /** What has been done since the last `set`; null while the rule's request has not come. */
  fired: FiredFault | null = null;
  /** Kinds of request at which every connection is cut, as for an instance that has died in that respect. */
  refused: ReadonlySet<number> = new Set();
  readonly #servers: net.Server[] = [];
  readonly #ways = new Set<Way>();
  readonly #ports = new Map<number, number>();
  #counter = new FaultCounter(null);
  #connections = 0;

  /** Opens a way to each of `brokers` (`127.0.0.1:port`). */
  static async open(brokers: readonly string[]): Promise<FaultProxy> {
    const proxy = new FaultProxy();
    for (const broker of brokers) await proxy.#listen(Number(broker.split(':').at(-1)));
    return proxy;
  }

  /** Counts anew, and does from now on what `rule` says; null: passes everything. */
  set(rule: FaultRule | null): void {
    this.#counter = new FaultCounter(rule);
    this.fired = null;
    this.refused = new Set();
  }

  /** How many requests of a kind have come since the last `set`. */
  seen(apiKey: number): number {
    return this.#counter.seen(apiKey);
  }

  /** All kinds that have come since then. */
  get kinds(): readonly number[] {
    return this.#counter.kinds;
  }

  /** Connections that are open now. */
  get openConnections(): number {
    return this.#ways.size;
  }

  /** Cuts whatever is open. */
  cutAll(): void {
    for (const way of this.#ways) way.cut();
  }

  async close(): Promise<void> {
    this.cutAll();
    for (const server of this.#servers) {
      server.close();
      await once(server, 'close');
    }
  }

  async #listen(brokerPort: number): Promise<void> {
    const server = net.createServer((client) => {
      const way = new Way(client, brokerPort, {
        connection: this.#connections++,
        count: (apiKey) => this.#counter.count(apiKey),
        isRefused: (apiKey) => this.refused.has(apiKey),
        fire: (fault) => (this.fired = fault),
        readdress: (frame) => withOtherPorts(frame, this.#ports),
        ended: () => this.#ways.delete(way),
      });
      this.#ways.add(way);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    this.#ports.set(brokerPort, port);
    this.addresses.push(`127.0.0.1:${port}`);
    this.#servers.push(server);
  }
}

interface WayOptions {
  readonly connection: number;
  count(apiKey: number): FaultRule | null;
  isRefused(apiKey: number): boolean;
  fire(fault: FiredFault): void;
  readdress(frame: Buffer): Buffer;
  ended(): void;
}

/** One client's connection and the one to the broker that belongs to it. */
class Way {
  readonly #client: Socket;
  readonly #broker: Socket;
  readonly #options: WayOptions;
  readonly #requests = new FrameSplitter();
  readonly #answers = new FrameSplitter();
  readonly #passed: Passed[] = [];
  #isSilent = false;
  /** A request was lost: nothing after it passes, and the end comes with the last answer to those before. */
  #isLosing = false;
  #isCut = false;
  /** What is passed on late holds back all behind it. */
  #toBroker: Promise<void> = Promise.resolve();
  #toClient: Promise<void> = Promise.resolve();

  constructor(client: Socket, brokerPort: number, options: WayOptions) {
    this.#client = client;
    this.#options = options;
    this.#broker = net.connect({ host: '127.0.0.1', port: brokerPort });
    for (const socket of [this.#client, this.#broker]) {
      socket.setNoDelay(true);
      socket.on('error', () => this.cut());
      socket.on('close', () => this.cut());
    }
    this.#client.on('data', (chunk: Buffer) => {
      for (const frame of this.#requests.take(chunk))
        this.#toBroker = this.#toBroker.then(async () => await this.#request(frame));
    });
    this.#broker.on('data', (chunk: Buffer) => {
      for (const frame of this.#answers.take(chunk))
        this.#toClient = this.#toClient.then(async () => await this.#answer(frame));
    });
  }

  /** Ends both sides at once; what was written and has not left is lost. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#client.destroy();
    this.#broker.destroy();
    this.#options.ended();
  }

  /** Ends `socket` only after `bytes` have left it, so that they arrive, and the other side at once. */
  #cutAfter(socket: Socket, bytes: Buffer): void {
    this.#isCut = true;
    const other = socket === this.#client ? this.#broker : this.#client;
    other.destroy();
    socket.end(bytes, () => socket.destroy());
    this.#options.ended();
  }

  async #request(frame: Buffer): Promise<void> {
    if (this.#isCut || this.#isLosing) return;
    const head = requestHead(frame);
    if (this.#options.isRefused(head.apiKey)) return this.cut();
    const rule = this.#options.count(head.apiKey);
    const passed = { ...head, rule };
    switch (rule?.place) {
      case 'before-request':
        this.#fire(passed, 0);
        return this.cut();
      case 'lose-request':
        this.#fire(passed, 0);
        this.#isLosing = true;
        return this.#passed.length === 0 ? this.cut() : undefined;
      case 'within-request': {
        const bytes = bytesBeforeCut(rule, frame.length);
        this.#fire(passed, bytes);
        return this.#cutAfter(this.#broker, frame.subarray(0, bytes));
      }
      case 'after-request':
        this.#fire(passed, frame.length);
        return this.#cutAfter(this.#broker, frame);
      case 'refuse-request':
        this.#fire(passed, frame.length);
        this.#passed.push(passed);
        this.#broker.write(withOtherGeneration(frame));
        return;
      case 'delay-request':
        this.#fire(passed, frame.length);
        await wait(rule.delayMs ?? 0);
        break;
      default:
    }
    if (this.#isCut) return;
    this.#passed.push(passed);
    this.#broker.write(frame);
  }

  async #answer(frame: Buffer): Promise<void> {
    if (this.#isCut || this.#isSilent) return;
    const at = this.#passed.findIndex(({ correlation }) => correlation === answeredCorrelation(frame));
    const [passed] = at < 0 ? [] : this.#passed.splice(at, 1);
    const whole = passed && NAMES_BROKERS.has(passed.apiKey) ? this.#options.readdress(frame) : frame;
    const rule = passed?.rule;
    switch (rule?.place) {
      case 'drop-answer':
        this.#fire(passed!, 0);
        return this.cut();
      case 'silence':
        this.#fire(passed!, 0);
        this.#isSilent = true;
        return;
      case 'within-answer': {
        const bytes = bytesBeforeCut(rule, whole.length);
        this.#fire(passed!, bytes);
        return this.#cutAfter(this.#client, whole.subarray(0, bytes));
      }
      case 'after-answer':
        this.#fire(passed!, whole.length);
        return this.#cutAfter(this.#client, whole);
      case 'delay-answer':
        this.#fire(passed!, whole.length);
        await wait(rule.delayMs ?? 0);
        break;
      default:
    }
    if (this.#isCut) return;
    if (this.#isLosing && this.#passed.length === 0) return this.#cutAfter(this.#client, whole);
    this.#client.write(whole);
  }

  #fire({ rule, version }: Passed, passedBytes: number): void {
    this.#options.fire({ rule: rule!, version, connection: this.#options.connection, passedBytes });
  }
}

async function wait(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
