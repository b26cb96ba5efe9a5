/**
 * Where the server of approvals listens, and how it ends: requests under way are waited for, but not for ever.
 */
import { timer } from '../../platform/clock.ts';
import { GauzeError, foreignName } from '../../platform/errors.ts';
import type { createApprovalServer } from './server.ts';

type ApprovalServer = Awaited<ReturnType<typeof createApprovalServer>>;

/** How long requests under way may take when the service ends. */
const DRAIN_MS = 5_000;

/** Gives the address that is listened on. Throws ERR_HTTP_LISTEN. */
export async function listen(
  server: ApprovalServer,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<string> {
  try {
    return await server.listen({ host, port });
  } catch (error) {
    throw new GauzeError('ERR_HTTP_LISTEN', { host, port, causeName: foreignName(error) });
  }
}

/** Waits for requests under way, but not for ever: a client that holds its connection open must not hold the end. */
export async function closeInTime(server: ApprovalServer): Promise<void> {
  const late = timer(DRAIN_MS, () => server.server.closeAllConnections());
  server.server.closeIdleConnections();
  await server.close();
  late.cancel();
}
