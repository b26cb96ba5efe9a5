/**
 * Audit events as a flat table, one line each, for people with a spreadsheet or a database of their own. It shows who,
 * what, when and where as the event says, rare fields in the column `more`; subject tokens stay out of it.
 */
import type { PhiAuditEvent } from '../../schemas/control-codecs.ts';
import { csvLine } from './csv-line.ts';
import type { ExportedEvent } from './exported-events.ts';

type Cell = string | number | boolean | null;
type Column = (event: PhiAuditEvent, exported: ExportedEvent) => Cell;

/** Between the words of a list. */
const LIST = '; ';

/** Times are ISO 8601 in UTC, hashes and ids hex, what an event does not say is empty. */
const COLUMNS: Readonly<Record<string, Column>> = {
  topic: (_, { topic }) => topic,
  partition: (_, { partition }) => partition,
  offset: (_, { offset }) => offset,
  appended: (_, { appendedMs }) => new Date(appendedMs).toISOString(),
  event_id: ({ event_id: id }) => id.toString('hex'),
  type: ({ type }) => type,
  action: ({ action }) => action,
  outcome: ({ outcome }) => outcome,
  outcome_reason: ({ outcome_reason: reason }) => reason,
  phase: ({ phase }) => phase,
  occurred_from: ({ occurred_from: from }) => time(from),
  occurred_to: ({ occurred_to: to }) => time(to),
  recorded: ({ recorded_at: recorded }) => time(recorded),
  actor: ({ actor }) => actor.id,
  actor_type: ({ actor }) => actor.type,
  actor_roles: ({ actor }) => actor.roles.join(LIST),
  on_behalf_of: ({ actor }) => actor.on_behalf_of,
  client: ({ actor }) => actor.client_id,
  recipient: ({ recipient }) => recipient && recipient.id,
  purpose: ({ purpose }) => purpose.join(LIST),
  accounting: ({ accounting }) => accounting,
  grant: ({ grant }) => grant && grant.id,
  grant_expires: ({ grant }) => (grant && grant.expires_at > 0 ? time(grant.expires_at) : null),
  approved_by: ({ grant }) => grant && grant.approved_by.join(LIST),
  emergency: ({ grant }) => grant && grant.emergency,
  request: ({ request_id: request }) => request,
  policy: ({ policy }) => policy.id,
  policy_version: ({ policy }) => policy.version,
  plan: ({ plan }) => plan && plan.hash.toString('hex'),
  raw_topic: ({ range }) => range && range.topic,
  raw_partition: ({ range }) => range && range.partition,
  first_offset: ({ range }) => range && range.first_offset,
  next_offset: ({ range }) => range && range.next_offset,
  records: ({ range }) => range && range.record_count,
  delivered: ({ range }) => range && range.delivered_count,
  masked: ({ view }) => view && view.masked,
  fields_clear: ({ view }) => view && view.fields_clear.join(LIST),
  data_classes: ({ view }) => view && view.data_classes.join(LIST),
  output_topic: ({ view }) => view && view.output_topic,
  persons: ({ subjects }) => subjects && subjects.distinct,
  group: ({ group }) => group && group.id,
  more: ({ ext }) => ext.map(({ k, v }) => `${k}=${v}`).join(LIST),
  writer: ({ writer_id: writer }) => writer,
  chain: ({ chain_id: chain }) => chain.toString('hex'),
  seq: ({ seq }) => seq,
};

/** Names of the columns, in order; they change only with a new format. */
export const EVENT_COLUMNS: readonly string[] = Object.keys(COLUMNS);

/** The head of the table. */
export function eventTableHead(): string {
  return csvLine(EVENT_COLUMNS);
}

/** The line of an event. */
export function eventTableLine(exported: ExportedEvent): string {
  return csvLine(Object.values(COLUMNS).map((column) => String(column(exported.event, exported) ?? '')));
}

function time(micros: number): string {
  return new Date(micros / 1000).toISOString();
}
