/**
 * Promises of starting a service: nothing is waited for once the stack is not wanted any more, and a service that ends a
 * connection in the middle of starting is asked again.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { freePorts } from '../../stack/free-ports.ts';
import { startRedis, waitReady, whileWanted } from '../../stack/services.ts';
import { Supervised } from '../../stack/supervised.ts';

let folder: string;
let supervised: Supervised;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gauze-services-test-'));
  mkdirSync(path.join(folder, 'logs'));
  supervised = new Supervised();
});

afterEach(async () => {
  await supervised.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A program that stands for a service. */
function program(script: string): string {
  const file = path.join(folder, 'service.cjs');
  writeFileSync(file, `#!${process.execPath}\n${script}\n`);
  chmodSync(file, 0o700);
  return file;
}

test('a question that is never answered is not waited for once the stack is not wanted', async () => {
  const stop = new AbortController();
  const context = { supervised, directory: folder, signal: stop.signal };
  await supervised.start({
    name: 'mute',
    command: program('setInterval(() => {}, 1000);'),
    args: [],
    directory: folder,
    logFile: path.join(folder, 'logs/mute.log'),
  });
  let asked = 0;
  const waiting = waitReady(context, 'mute', async () => {
    asked += 1;
    return await new Promise<never>(() => {});
  });
  stop.abort();
  await expect(waiting).rejects.toBe(stop.signal.reason);
  await expect(waitReady(context, 'mute', () => Promise.resolve(true))).rejects.toBe(stop.signal.reason);
  expect(asked).toBe(1);
});

test('what answers in time is given, and what fails is thrown', async () => {
  const { signal } = new AbortController();
  expect(await whileWanted({ signal }, Promise.resolve(7))).toBe(7);
  expect(await whileWanted({}, Promise.resolve(8))).toBe(8);
  await expect(whileWanted({ signal }, Promise.reject(new RangeError('no')))).rejects.toThrow(RangeError);
});

test('a Redis that ends a connection without an answer is asked again', async () => {
  const [port = 0] = await freePorts(1);
  const redisServer = program(`
    let asked = 0;
    require('node:net')
      .createServer((socket) => {
        socket.on('error', () => {});
        asked += 1;
        if (asked === 1) socket.end();
        else socket.on('data', () => socket.end('+PONG\\r\\n'));
      })
      .listen(${port}, '127.0.0.1');
  `);
  await startRedis({ supervised, directory: folder }, { redisServer, port });
  expect([...supervised.pids.keys()]).toEqual(['redis']);
}, 20_000);
