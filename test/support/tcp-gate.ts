/**
 * A way to a service that can be shut: while it is, what is connected is cut off and nobody gets in, as when the
 * service is gone. It passes bytes on and looks at none.
 */
import net from 'node:net';

export class TcpGate {
  readonly port: number;
  /** How often somebody was turned away since it was shut last. */
  refused = 0;
  private isOpen = true;
  private readonly server: net.Server;
  private readonly sockets = new Set<net.Socket>();

  private constructor(server: net.Server) {
    this.server = server;
    this.port = (server.address() as net.AddressInfo).port;
  }

  static async to(host: string, port: number): Promise<TcpGate> {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const gate = new TcpGate(server);
    server.on('connection', (client) => gate.pass(client, host, port));
    return gate;
  }

  shut(): void {
    this.isOpen = false;
    this.refused = 0;
    for (const socket of this.sockets) socket.destroy();
  }

  open(): void {
    this.isOpen = true;
  }

  async close(): Promise<void> {
    this.shut();
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
    });
  }

  private pass(client: net.Socket, host: string, port: number): void {
    if (!this.isOpen) {
      this.refused++;
      client.destroy();
      return;
    }
    const service = net.connect({ host, port });
    for (const [one, other] of [
      [client, service],
      [service, client],
    ] as const) {
      this.sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
