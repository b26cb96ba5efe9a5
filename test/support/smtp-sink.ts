/**
 * A mail server for tests: takes what is sent to it, on a free port of this machine, and keeps it. Refuses the
 * addresses it is told to refuse.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export interface SinkMail {
  readonly to: readonly string[];
  readonly data: string;
}

export class SmtpSink {
  readonly mails: SinkMail[] = [];
  readonly refused = new Set<string>();
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.server = server;
    server.on('connection', (socket) => this.serve(socket));
  }

  static async start(): Promise<SmtpSink> {
    const server = createServer();
    const sink = new SmtpSink(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return sink;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    let rest = '';
    let to: string[] = [];
    let data: string[] | null = null;
    const answer = (text: string): void => void socket.write(`${text}\r\n`);
    const take = (line: string): void => {
      if (data) {
        if (line !== '.') return void data.push(line.replace(/^\.\./, '.'));
        this.mails.push({ to, data: data.join('\n') });
        [to, data] = [[], null];
        return answer('250 taken');
      }
      const address = /^RCPT TO:<([^>]*)>/i.exec(line)?.[1];
      if (address !== undefined) {
        if (this.refused.has(address)) return answer('550 no such mailbox');
        to.push(address);
      }
      if (/^DATA/i.test(line)) {
        data = [];
        return answer('354 go ahead');
      }
      answer(/^QUIT/i.test(line) ? '221 bye' : '250 ok');
      if (/^QUIT/i.test(line)) socket.end();
    };
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('utf8')).split('\r\n');
      rest = lines.pop()!;
      for (const line of lines) take(line);
    });
    answer('220 sink');
  }
}
