/**
 * The ways to tell people that the config names. Without any, nobody is told: the pages show all the same.
 */
import { mailChannel } from './mail.ts';
import type { MailSettings } from './mail.ts';
import type { Channel } from './message.ts';
import { webhookChannel } from './webhook.ts';
import type { WebhookSettings } from './webhook.ts';

export interface NotificationSettings {
  readonly webhook?: WebhookSettings;
  readonly mail?: MailSettings;
}

/** Throws ERR_NOTIFY_ADDRESS. */
export function notificationChannels({ webhook, mail }: NotificationSettings): readonly Channel[] {
  return [...(webhook ? [webhookChannel(webhook)] : []), ...(mail ? [mailChannel(mail)] : [])];
}
