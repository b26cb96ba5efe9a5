/**
 * Sends a message as a mail in plain text, through the site's mail server: encrypted, or to this machine. Who gets it
 * is said by the config: the addresses of a role, the address of a person; nothing else is an address.
 */
import { createTransport } from 'nodemailer';
import { GauzeError, foreignName } from '../../platform/errors.ts';
import { messageText } from './message-texts.ts';
import type { Channel, Envelope, Recipient } from './message.ts';
import { isLoopback } from './webhook.ts';

export interface MailSettings {
  /** smtp: or smtps: */
  readonly smtp: string;
  readonly username?: string;
  readonly password?: string;
  readonly from: string;
  /** By role. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** By the id of a person. */
  readonly people: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 10_000;
const SMTP_PORT = 25;
const SMTPS_PORT = 465;

/** Throws ERR_NOTIFY_ADDRESS for what is no address of a mail server. */
export function mailChannel(settings: MailSettings): Channel {
  const transport = createTransport(transportOptions(settings));
  return {
    name: 'mail',
    takes: ({ recipient }) => addressesOf(settings, recipient).length > 0,
    send: async (envelope) => {
      const to = addressesOf(settings, envelope.message.recipient);
      const refused = await delivered(
        async () => await transport.sendMail({ ...mail(settings.from, envelope), to: [...to] }),
      );
      if (refused > 0) throw new GauzeError('ERR_NOTIFY_RECIPIENTS', { count: refused });
    },
    close: () => transport.close(),
  };
}

/** How many addresses the server refused while it took the mail for others. */
async function delivered(send: () => Promise<{ rejected: readonly unknown[] }>): Promise<number> {
  try {
    return (await send()).rejected.length;
  } catch (error) {
    throw new GauzeError('ERR_NOTIFY_SEND', { setting: 'mail', causeName: foreignName(error), status: 0 });
  }
}

function mail(from: string, { id, message, link }: Envelope): Mail {
  return {
    from,
    subject: `[gauze] ${message.title} (${message.requestId})`,
    text: messageText(message, link),
    messageId: `<${id}@gauze>`,
    headers: { 'X-Gauze-Message-Id': id, 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

interface Mail {
  readonly from: string;
  readonly subject: string;
  readonly text: string;
  readonly messageId: string;
  readonly headers: Record<string, string>;
  readonly disableFileAccess: true;
  readonly disableUrlAccess: true;
}

function addressesOf({ addresses, people }: MailSettings, recipient: Recipient): readonly string[] {
  if (recipient.kind === 'role') {
    return Object.hasOwn(addresses, recipient.role) ? (addresses[recipient.role] ?? []) : [];
  }
  const address = Object.hasOwn(people, recipient.id) ? people[recipient.id] : undefined;
  return address === undefined ? [] : [address];
}

function transportOptions({ smtp, username, password }: MailSettings): TransportOptions {
  const url = URL.canParse(smtp) ? new URL(smtp) : null;
  if (!url || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '') {
    const expected = 'an smtp or smtps address';
    throw new GauzeError('ERR_NOTIFY_ADDRESS', { setting: 'notifications.mail.smtp', expected });
  }
  const secure = url.protocol === 'smtps:';
  const isHere = isLoopback(url.hostname);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? SMTPS_PORT : SMTP_PORT) : Number(url.port),
    secure,
    requireTLS: !secure && !isHere,
    ignoreTLS: !secure && isHere,
    ...(username === undefined ? {} : { auth: { user: username, pass: password ?? '' } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  };
}

interface TransportOptions {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly requireTLS: boolean;
  readonly ignoreTLS: boolean;
  readonly auth?: { readonly user: string; readonly pass: string };
  readonly connectionTimeout: number;
  readonly greetingTimeout: number;
  readonly socketTimeout: number;
}
