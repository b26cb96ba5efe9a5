/**
 * A redis-server of a test's own, on a free port: to be killed, flushed, stopped for a while, and brought back from an
 * old snapshot. Whatever it holds can be read as text, to look for what must not be there.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './stack.ts';

export class OwnRedis {
  readonly url: string;
  private readonly directory: string;
  private readonly port: number;
  private server: ChildProcess | null = null;

  private constructor(directory: string, port: number) {
    this.directory = directory;
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
  }

  /** Not started yet. */
  static async make(): Promise<OwnRedis> {
    const directory = await mkdtemp(join(tmpdir(), 'gauze-redis-'));
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    return new OwnRedis(directory, port);
  }

  async start(): Promise<void> {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.directory];
    this.server = spawn('redis-server', [...options, '--save', '', '--appendonly', 'no'], {
      stdio: 'ignore',
    });
    await eventually(async () => await this.ask(async (client) => await client.ping()));
  }

  /** As kill -9 does. */
  async kill(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.server = null;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }

  async flush(): Promise<void> {
    await this.ask(async (client) => await client.flushall());
  }

  /** Writes what it holds to the file that it reads at its start, and keeps a copy under `name`. */
  async keepSnapshot(name: string): Promise<void> {
    await this.ask(async (client) => await client.save());
    await copyFile(this.file('dump.rdb'), this.file(name));
    await rm(this.file('dump.rdb'));
  }

  /** What the next start finds: the snapshot `name`. */
  async useSnapshot(name: string): Promise<void> {
    await copyFile(this.file(name), this.file('dump.rdb'));
  }

  /** Next time it starts with nothing. */
  async dropSnapshot(): Promise<void> {
    await rm(this.file('dump.rdb'), { force: true });
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Keys and values, all of them, as one text. */
  async contents(): Promise<string> {
    return await this.ask(async (client) => {
      const parts: unknown[] = [];
      for (const key of await client.keys('*')) parts.push(key, await valueOf(client, key));
      return JSON.stringify(parts);
    });
  }

  private file(name: string): string {
    return join(this.directory, name);
  }

  private async ask<T>(question: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(this.url, {
      lazyConnect: true,
      disconnectTimeout: 100,
      retryStrategy: () => null,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await question(client);
    } finally {
      client.disconnect();
    }
  }
}

async function valueOf(client: Redis, key: string): Promise<unknown> {
  switch (await client.type(key)) {
    case 'string':
      return await client.get(key);
    case 'hash':
      return await client.hgetall(key);
    case 'list':
      return await client.lrange(key, 0, -1);
    case 'set':
      return await client.smembers(key);
    case 'zset':
      return await client.zrange(key, '0', '-1', 'WITHSCORES');
    case 'stream':
      return await client.xrange(key, '-', '+');
    default:
      return null;
  }
}
