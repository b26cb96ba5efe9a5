/** A receiver of webhooks for tests, on a free port of this machine: keeps what comes and answers as it is told. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SinkPost {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export class WebhookSink {
  readonly posts: SinkPost[] = [];
  /** Status of the answers; 0: none at all. */
  status = 204;
  location: string | null = null;
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    server.on('request', (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        this.posts.push({ headers: request.headers, body });
        if (this.status === 0) return;
        response.writeHead(this.status, this.location ? { location: this.location } : {});
        response.end(this.status === 204 ? undefined : 'what nobody should read');
      });
    });
  }

  static async start(): Promise<WebhookSink> {
    const server = createServer();
    const sink = new WebhookSink(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return sink;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/gauze`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
