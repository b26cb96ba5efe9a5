/**
 * The proxy that fails one request of many: it must see frames where they are, count them by kind, and do exactly what
 * its rule says to exactly the one it names.
 */
import net from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import { array, assert, nat, property, uint8Array } from 'fast-check';
import { FaultCounter, bytesBeforeCut } from '../support/fault-proxy/fault-rule.ts';
import type { FaultRule, Place } from '../support/fault-proxy/fault-rule.ts';
import { FaultProxy } from '../support/fault-proxy/fault-proxy.ts';
import { FrameSplitter, requestHead, withOtherPorts } from '../support/fault-proxy/frame-splitter.ts';

const PRODUCE = 0;
const METADATA = 3;
const END_TXN = 26;

/** A frame with its length in front. */
function framed(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** A request of a kind, with a correlation id and some bytes of body. */
function request(apiKey: number, correlation: number, bodyBytes = 20): Buffer {
  const body = Buffer.alloc(8 + bodyBytes, 7);
  body.writeInt16BE(apiKey, 0);
  body.writeInt16BE(5, 2);
  body.writeInt32BE(correlation, 4);
  return framed(body);
}

describe('frames', () => {
  test('come out whole and in order, wherever the stream is cut', () => {
    const bodies = array(uint8Array({ minLength: 8, maxLength: 300 }), { maxLength: 12 });
    assert(
      property(bodies, array(nat(400), { maxLength: 30 }), (made, sizes) => {
        const frames = made.map((body) => framed(Buffer.from(body)));
        const stream = Buffer.concat(frames);
        const splitter = new FrameSplitter();
        const found: Buffer[] = [];
        let at = 0;
        for (const size of [...sizes, stream.length]) {
          found.push(...splitter.take(stream.subarray(at, at + size)));
          at = Math.min(stream.length, at + size);
        }
        expect(found).toEqual(frames);
        expect(splitter.unfinishedBytes).toBe(0);
      }),
    );
  });

  test('that have not ended are kept back', () => {
    const splitter = new FrameSplitter();
    const frame = request(PRODUCE, 1);
    expect(splitter.take(frame.subarray(0, frame.length - 1))).toEqual([]);
    expect(splitter.unfinishedBytes).toBe(frame.length - 1);
    expect(splitter.take(frame.subarray(frame.length - 1))).toEqual([frame]);
  });

  test('refuses a length below zero, and a request without a head', () => {
    expect(() => new FrameSplitter().take(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow(RangeError);
    expect(() => requestHead(framed(Buffer.alloc(7)))).toThrow(RangeError);
    expect(requestHead(request(END_TXN, 99))).toEqual({ apiKey: END_TXN, version: 5, correlation: 99 });
  });

  test('name the other port wherever the host stands with one that is known, and keep their length', () => {
    const address = (port: number): Buffer => {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(port);
      return Buffer.concat([Buffer.from('127.0.0.1'), bytes]);
    };
    const frame = framed(Buffer.concat([address(9092), Buffer.from([1]), address(9093), address(1)]));
    const wanted = framed(Buffer.concat([address(7001), Buffer.from([1]), address(7002), address(1)]));
    const ports = new Map([
      [9092, 7001],
      [9093, 7002],
    ]);
    expect(withOtherPorts(frame, ports)).toEqual(wanted);
    expect(withOtherPorts(framed(Buffer.from('127.0.0.1')), ports)).toEqual(framed(Buffer.from('127.0.0.1')));
  });
});

describe('a rule', () => {
  test('is about the n-th request of its kind, once, whatever comes in between', () => {
    const rule: FaultRule = { apiKey: END_TXN, nth: 2, place: 'drop-answer' };
    const counter = new FaultCounter(rule);
    const meant = [END_TXN, PRODUCE, PRODUCE, END_TXN, END_TXN].map((key) => counter.count(key) === rule);
    expect(meant).toEqual([false, false, false, true, false]);
    expect(counter.kinds).toEqual([PRODUCE, END_TXN]);
    expect(counter.seen(END_TXN)).toBe(3);
  });

  test('cuts within: never before the first byte, never after the last', () => {
    const rule: FaultRule = { apiKey: PRODUCE, nth: 1, place: 'within-request' };
    expect(bytesBeforeCut(rule, 100)).toBe(50);
    expect(bytesBeforeCut({ ...rule, bytes: 3 }, 100)).toBe(3);
    expect(bytesBeforeCut({ ...rule, bytes: 0 }, 100)).toBe(1);
    expect(bytesBeforeCut({ ...rule, bytes: 200 }, 100)).toBe(99);
  });
});

/** A broker that notes all bytes it gets and answers each request with its correlation id and an address. */
class EchoBroker {
  received = Buffer.alloc(0);
  readonly #server = net.createServer((socket) => {
    const splitter = new FrameSplitter();
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      for (const frame of splitter.take(chunk)) socket.write(this.answer(frame));
    });
  });

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  answer(frame: Buffer, port = this.port): Buffer {
    const body = Buffer.alloc(4 + 9 + 4);
    frame.copy(body, 0, 8, 12);
    body.write('127.0.0.1', 4);
    body.writeInt32BE(port, 13);
    return framed(body);
  }

  async close(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}

describe('the proxy', () => {
  const ending: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const end of ending.splice(0).reverse()) await end();
  });

  interface Scene {
    readonly broker: EchoBroker;
    readonly proxy: FaultProxy;
    /** Sends requests over a new connection; gives all that came back once it has ended or `bytes` have come. */
    readonly exchange: (requests: readonly Buffer[], bytes: number) => Promise<Buffer>;
  }

  async function scene(): Promise<Scene> {
    const broker = new EchoBroker();
    await broker.listen();
    ending.push(async () => await broker.close());
    const proxy = await FaultProxy.open([`127.0.0.1:${broker.port}`]);
    ending.push(async () => await proxy.close());
    const port = Number(proxy.addresses[0]!.split(':')[1]);
    const exchange = async (requests: readonly Buffer[], bytes: number): Promise<Buffer> => {
      const socket = net.connect({ host: '127.0.0.1', port });
      let back = Buffer.alloc(0);
      const enough = new Promise<void>((resolve) => {
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
        socket.on('data', (chunk: Buffer) => {
          back = Buffer.concat([back, chunk]);
          if (back.length >= bytes) resolve();
        });
      });
      socket.write(Buffer.concat(requests));
      await enough;
      socket.destroy();
      return back;
    };
    return { broker, proxy, exchange };
  }

  test('passes everything as it is, but for the addresses of brokers, which lead through it', async () => {
    const { broker, proxy, exchange } = await scene();
    const requests = [request(METADATA, 1), request(PRODUCE, 2), request(END_TXN, 3)];
    const own = Number(proxy.addresses[0]!.split(':')[1]);
    const wanted = Buffer.concat([
      broker.answer(requests[0]!, own),
      broker.answer(requests[1]!),
      broker.answer(requests[2]!),
    ]);
    expect(await exchange(requests, wanted.length)).toEqual(wanted);
    expect(broker.received).toEqual(Buffer.concat(requests));
    expect(proxy.fired).toBeNull();
    expect(proxy.kinds).toEqual([PRODUCE, METADATA, END_TXN]);
  });

  const REQUEST = request(PRODUCE, 2).length;
  const ANSWER = 4 + 4 + 9 + 4;
  /** Bytes of the second Produce that reach the broker, and bytes of its answer that come back. */
  test.each<readonly [Place, number, number]>([
    ['before-request', 0, 0],
    ['lose-request', 0, 0],
    ['within-request', REQUEST / 2, 0],
    ['after-request', REQUEST, 0],
    ['drop-answer', REQUEST, 0],
    ['within-answer', REQUEST, Math.floor(ANSWER / 2)],
    ['after-answer', REQUEST, ANSWER],
  ])('does %s to the one request named, and ends the connection', async (place, arrives, answered) => {
    const { broker, proxy, exchange } = await scene();
    proxy.set({ apiKey: PRODUCE, nth: 2, place });
    const first = request(PRODUCE, 1);
    const second = request(PRODUCE, 2);
    expect(await exchange([first], ANSWER)).toHaveLength(ANSWER);
    expect(proxy.fired).toBeNull();
    expect(await exchange([second], Infinity)).toHaveLength(answered);
    await until(() => broker.received.length >= first.length + arrives);
    expect(broker.received).toEqual(Buffer.concat([first, second.subarray(0, arrives)]));
    expect(proxy.fired?.rule).toMatchObject({ nth: 2, place });
    // Once, and no other.
    expect(await exchange([request(PRODUCE, 3)], ANSWER)).toHaveLength(ANSWER);
    await until(() => proxy.openConnections === 0);
  });

  test('loses a request only after the answers to all before it, and nothing after it passes', async () => {
    const { broker, proxy, exchange } = await scene();
    proxy.set({ apiKey: END_TXN, nth: 1, place: 'lose-request' });
    const [first, lost, after] = [request(PRODUCE, 1), request(END_TXN, 2), request(PRODUCE, 3)];
    expect(await exchange([first, lost, after], Infinity)).toEqual(broker.answer(first));
    expect(broker.received).toEqual(first);
  });

  test('cuts at every request of a kind that is refused, until it is set anew', async () => {
    const { broker, proxy, exchange } = await scene();
    proxy.refused = new Set([END_TXN]);
    expect(await exchange([request(END_TXN, 1)], Infinity)).toHaveLength(0);
    expect(await exchange([request(PRODUCE, 2)], ANSWER)).toHaveLength(ANSWER);
    expect(broker.received).toEqual(request(PRODUCE, 2));
    proxy.set(null);
    expect(await exchange([request(END_TXN, 3)], ANSWER)).toHaveLength(ANSWER);
  });

  test('is silent on one connection for ever, and on no other', async () => {
    const { proxy, exchange } = await scene();
    proxy.set({ apiKey: PRODUCE, nth: 1, place: 'silence' });
    const silent = exchange([request(PRODUCE, 1), request(PRODUCE, 2)], 1);
    await until(() => proxy.fired !== null);
    expect(await exchange([request(PRODUCE, 3)], ANSWER)).toHaveLength(ANSWER);
    expect(proxy.openConnections).toBeGreaterThan(0);
    proxy.cutAll();
    expect(await silent).toHaveLength(0);
  });

  test.each(['delay-request', 'delay-answer'] as const)('passes all, late, in order: %s', async (place) => {
    const { broker, proxy, exchange } = await scene();
    proxy.set({ apiKey: PRODUCE, nth: 1, place, delayMs: 60 });
    const requests = [request(PRODUCE, 1), request(END_TXN, 2)];
    const before = performance.now();
    const back = await exchange(requests, 2 * ANSWER);
    expect(performance.now() - before).toBeGreaterThan(55);
    expect(back).toEqual(Buffer.concat(requests.map((each) => broker.answer(each))));
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
