/**
 * Sends a message to a program of the site: JSON in a POST, signed with HMAC-SHA-256 over time and body, so that the
 * receiver can tell who sent it and refuse old ones. Follows no redirect, reads no answer, goes encrypted or stays
 * on this machine.
 */
import { createHmac } from 'node:crypto';
import { nowMs } from '../../platform/clock.ts';
import { GauzeError, foreignName } from '../../platform/errors.ts';
import type { Channel, Envelope } from './message.ts';

export interface WebhookSettings {
  readonly url: string;
  /** Key of the signature. */
  readonly secret: string;
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 5_000;

/** Checks the address: https, or http to this machine. Throws ERR_NOTIFY_ADDRESS. */
export function webhookChannel(settings: WebhookSettings): Channel {
  const url = checkedUrl(settings.url);
  return {
    name: 'webhook',
    takes: () => true,
    send: async (envelope) => await post(url, settings, envelope),
    close: () => undefined,
  };
}

/** `v1=` and the hex HMAC-SHA-256 of `<unix seconds>.<body>`. */
export function webhookSignature(secret: string, unixSeconds: number, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${unixSeconds}.${body}`).digest('hex')}`;
}

async function post(url: URL, { secret, timeoutMs }: WebhookSettings, envelope: Envelope): Promise<void> {
  const { id, message, link } = envelope;
  const body = JSON.stringify({ id, ...message, link });
  const unixSeconds = Math.floor(nowMs() / 1000);
  const response = await answered(url, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      'content-type': 'application/json',
      'gauze-message-id': id,
      'gauze-timestamp': String(unixSeconds),
      'gauze-signature': webhookSignature(secret, unixSeconds, body),
    },
    body,
    signal: AbortSignal.timeout(timeoutMs ?? DEFAULT_TIMEOUT_MS),
  });
  await response.body?.cancel().catch(() => undefined);
  if (response.status >= 200 && response.status < 300) return;
  throw new GauzeError('ERR_NOTIFY_SEND', {
    setting: 'webhook',
    causeName: 'answer',
    status: response.status,
  });
}

async function answered(url: URL, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (error) {
    throw new GauzeError('ERR_NOTIFY_SEND', { setting: 'webhook', causeName: foreignName(error), status: 0 });
  }
}

function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname));
  if (url && isSafe && url.username === '' && url.password === '') return url;
  const expected = 'an https address without user and password, or an http address of this machine';
  throw new GauzeError('ERR_NOTIFY_ADDRESS', { setting: 'notifications.webhook.url', expected });
}

/** Whether a host name is this machine. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  );
}
