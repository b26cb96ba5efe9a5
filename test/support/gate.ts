/**
 * A door before a service: everything goes through while it is open; while it is shut nobody gets through, and whoever
 * was inside is put out. It stands at one address all the time.
 */
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

export class Gate {
  readonly port: number;
  private readonly target: { readonly host: string; readonly port: number };
  private readonly inside = new Set<Socket>();
  private server: Server | null = null;

  private constructor(target: Gate['target'], port: number) {
    this.target = target;
    this.port = port;
  }

  /** An open gate before `host:port`, at a free port of 127.0.0.1. */
  static async before(host: string, port: number): Promise<Gate> {
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
    const own = (probe.address() as AddressInfo).port;
    await new Promise((resolve) => probe.close(resolve));
    const gate = new Gate({ host, port }, own);
    await gate.open();
    return gate;
  }

  /** The address of the service as seen through the gate. */
  through(url: string): string {
    const { pathname, protocol } = new URL(url);
    return `${protocol}//127.0.0.1:${this.port}${pathname}`;
  }

  async open(): Promise<void> {
    if (this.server) return;
    const server = createServer((socket) => this.let(socket));
    this.server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
  }

  async shut(): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.server = null;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.inside) socket.destroy();
    await closed;
  }

  private let(socket: Socket): void {
    const other = connect(this.target);
    for (const [one, far] of [
      [socket, other],
      [other, socket],
    ] as const) {
      this.inside.add(one);
      one.on('error', () => far.destroy());
      one.once('close', () => {
        this.inside.delete(one);
        far.destroy();
      });
    }
    socket.pipe(other).pipe(socket);
  }
}
