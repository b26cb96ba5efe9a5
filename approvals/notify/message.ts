/**
 * The shape of a message to people, and of a way to send one. Types only; what may stand in a message is said in
 * messages.ts.
 */

export type Recipient =
  { readonly kind: 'role'; readonly role: string } | { readonly kind: 'person'; readonly id: string };

export interface Message {
  readonly recipient: Recipient;
  /** What happened: the audit type, or the name of the timer. */
  readonly occasion: string;
  readonly requestId: string;
  /** One line that says what it is about. */
  readonly title: string;
  /** What the reader should do next. */
  readonly next: string;
  readonly facts: MessageFacts;
}

/** What is asked for, without anything about anybody. */
export interface MessageFacts {
  readonly topic: string | null;
  readonly audience: string | null;
  readonly fields: readonly string[];
  readonly purpose: string | null;
  readonly maxRecords: number | null;
  readonly maxPersons: number | null;
  readonly minutes: number | null;
  /** End of the time to decide, of the grant, or of the time to review; milliseconds since the epoch. */
  readonly untilMs: number | null;
}

/** What is said of an occasion: what happened, and what the reader should do next. */
export interface OutcomeText {
  readonly title: string;
  readonly next: string;
}

/** A message on its way. */
export interface Envelope {
  /** The same at each attempt: receivers drop what they have. */
  readonly id: string;
  readonly message: Message;
  /** The page of the request. */
  readonly link: string;
}

/** One way to tell people. */
export interface Channel {
  readonly name: 'webhook' | 'mail';
  /** Whether there is anybody to send this to. */
  takes(message: Message): boolean;
  /** Throws ERR_NOTIFY_SEND to have it tried again; ERR_NOTIFY_RECIPIENTS where that would not help. */
  send(envelope: Envelope): Promise<void>;
  close(): void;
}
