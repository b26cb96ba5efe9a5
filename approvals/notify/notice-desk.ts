/**
 * From the folded state to people: puts a notice in for everything that has happened, and sends it when its job runs.
 * A job names the line of history; the message is made anew from the log, so Redis never holds one. At least once:
 * whoever gets a message with an id again drops it.
 */
import { GauzeError, ownError } from '../../platform/errors.ts';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import type { AccessView, GrantView, HistoryView, QueueLog, RequestView } from '../queue/access-view.ts';
import type { JobOutcome } from '../queue/job-handlers.ts';
import type { JobData, JobQueues } from '../queue/job-queues.ts';
import type { Channel, Message } from './message.ts';
import { TIMER_OCCASIONS, grantMessages, requestMessages, timerMessages } from './messages.ts';
import type { StagesOfRule, TimerOccasion } from './messages.ts';

export interface NoticeDeskOptions {
  readonly log: QueueLog;
  readonly queues: Pick<JobQueues, 'addNotice' | 'noticesFrom' | 'setNoticesFrom'>;
  readonly channels: readonly Channel[];
  readonly by: AccessActor;
  readonly stagesOfRule: StagesOfRule;
  /** The page of a request. */
  readonly link: (requestId: string) => string;
  readonly onError: (error: GauzeError) => void;
}

/** Where Redis does not know any more what was told, this much of the log's time is told again. */
const TOLD_AGAIN_MS = 3_600_000;
/** How soon a notice is looked at again whose entry this instance has not folded yet. */
const BEHIND_RETRY_MS = 500;

export class NoticeDesk {
  private readonly options: NoticeDeskOptions;
  /** Offset of the access log before which everything is put in; null until Redis was asked. */
  private from: number | null = null;

  constructor(options: NoticeDeskOptions) {
    this.options = options;
  }

  /** Redis is there again, and may have forgotten: it is asked anew. */
  forget(): void {
    this.from = null;
  }

  /** Puts in what has happened since the last time. Throws ERR_REDIS_UNREACHABLE. */
  async catchUp(): Promise<void> {
    const { log, queues, channels } = this.options;
    if (channels.length === 0) return;
    this.from ??= await queues.noticesFrom();
    const end = log.state.endOffset;
    if (this.from === end) return;
    const lines =
      this.from === null
        ? linesSince(log.state, log.state.nowMs - TOLD_AGAIN_MS)
        : linesFrom(log.state, this.from);
    for (const { requestId, line } of lines) await this.put(requestId, line.type, line.offset);
    await queues.setNoticesFrom(end);
    this.from = end;
  }

  /** Puts in what is to be told as a timer has run out. Throws ERR_REDIS_UNREACHABLE. */
  async tell(occasion: TimerOccasion, requestId: string): Promise<void> {
    const request = this.options.log.state.requests.get(requestId);
    if (request) await this.put(requestId, occasion, request.offset);
  }

  /** Sends what a job names. Throws to have it tried again; the last failure is an event, as is success. */
  async send(data: JobData, attempt: number, isLast: boolean): Promise<JobOutcome> {
    const { log, channels, link } = this.options;
    const { requestId, occasion, offset, index } = data;
    const channel = channels.find(({ name }) => name === data.channel);
    if (!channel || occasion === undefined || offset === undefined || index === undefined) return NO_NEED;
    const message = this.messages(requestId, occasion, offset)[index];
    if (!message || !channel.takes(message)) {
      const isBehind = log.state.endOffset <= offset;
      return isBehind ? { kind: 'again', atMs: log.state.nowMs + BEHIND_RETRY_MS } : NO_NEED;
    }
    const id = noticeId({ requestId, occasion, offset, index, channel: channel.name });
    try {
      await channel.send({ id, message, link: link(requestId) });
    } catch (thrown) {
      const error = ownError(thrown, 'ERR_NOTIFY_SEND', { setting: channel.name });
      const isFinal = isLast || error.code === 'ERR_NOTIFY_RECIPIENTS';
      this.options.onError(error);
      if (isFinal) await this.record('notify.failed', { id, requestId, channel, occasion, attempt }, error);
      if (error.code === 'ERR_NOTIFY_RECIPIENTS') return { kind: 'done', word: 'sent-in-part' };
      throw error;
    }
    await this.record('notify.sent', { id, requestId, channel, occasion, attempt }, null);
    return { kind: 'done', word: 'sent' };
  }

  private async put(requestId: string, occasion: string, offset: number): Promise<void> {
    const { queues, channels } = this.options;
    for (const [index, message] of this.messages(requestId, occasion, offset).entries()) {
      for (const channel of channels) {
        if (!channel.takes(message)) continue;
        const data = { requestId, occasion, offset, index, channel: channel.name };
        await queues.addNotice(noticeId(data), data);
      }
    }
  }

  private messages(requestId: string, occasion: string, offset: number): readonly Message[] {
    const { log, stagesOfRule } = this.options;
    const request = log.state.requests.get(requestId);
    const grant = log.state.grants.get(requestId);
    if (!request) return [];
    if (isTimer(occasion)) return timerMessages(occasion, request, grant);
    const line = lineOf(request, occasion, offset);
    if (line) return requestMessages(request, line, stagesOfRule);
    const grantLine = grant && lineOf(grant, occasion, offset);
    return grant && grantLine ? grantMessages(request, grant, grantLine) : [];
  }

  private async record(type: string, notice: NoticeFacts, error: GauzeError | null): Promise<void> {
    const { log, by } = this.options;
    const { id, requestId, channel, occasion, attempt } = notice;
    await log.record({
      type,
      actor: by,
      requestId,
      ...(error ? { outcome: 'MINOR_FAILURE' as const, outcomeReason: error.code } : {}),
      ext: { notice: id, channel: channel.name, occasion, attempts: String(attempt) },
    });
  }
}

interface NoticeFacts {
  readonly id: string;
  readonly requestId: string;
  readonly channel: Channel;
  readonly occasion: string;
  readonly attempt: number;
}

interface NoticeLine {
  readonly requestId: string;
  readonly line: HistoryView;
}

const NO_NEED: JobOutcome = { kind: 'done', word: 'no-need' };

function noticeId({ requestId, occasion, offset, index, channel }: Required<JobData>): string {
  return `notice-${requestId}-${offset}-${occasion}-${index}-${channel}`;
}

function linesFrom(state: AccessView, from: number): readonly NoticeLine[] {
  return linesOf(state, ({ offset }) => offset >= from);
}

function linesSince(state: AccessView, sinceMs: number): readonly NoticeLine[] {
  return linesOf(state, ({ atMs }) => atMs >= sinceMs);
}

/** Histories grow at their end: a record whose last line is old has no new one. */
function linesOf(state: AccessView, isNew: (line: HistoryView) => boolean): readonly NoticeLine[] {
  const found: NoticeLine[] = [];
  const look = (requestId: string, { history }: RequestView | GrantView): void => {
    const last = history.at(-1);
    if (!last || !isNew(last)) return;
    for (const line of history) if (isNew(line)) found.push({ requestId, line });
  };
  for (const [id, request] of state.requests) look(id, request);
  for (const [id, grant] of state.grants) look(id, grant);
  return found;
}

function lineOf({ history }: RequestView | GrantView, type: string, offset: number): HistoryView | undefined {
  return history.find((line) => line.type === type && line.offset === offset);
}

function isTimer(occasion: string): occasion is TimerOccasion {
  return TIMER_OCCASIONS.some((known) => known === occasion);
}
