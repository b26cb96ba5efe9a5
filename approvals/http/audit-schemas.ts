/**
 * What answers about the audit topics look like. Places and names, counts and times: no schema here has room for a
 * token, a key or the id of a patient.
 */
import { z } from 'zod';
import { named } from './api-schemas.ts';

const words = z.array(z.string());
const remarks = words.meta({
  description: 'what stands in the way of a complete answer; empty: nothing does',
});
const count = z.int();
const isCertain = z.boolean().meta({ description: 'false: at most this, for it cannot be told exactly' });

const eventPlace = named(
  'AuditEventPlace',
  z.object({ partition: count, offset: count, appended: z.string() }).meta({
    description: 'where an event stands in the topic of audit events, and when the broker appended it',
  }),
);
const page = named(
  'LinesShown',
  z.object({
    skip: count,
    limit: count,
    total: count.meta({ description: 'lines that there are, of the longest list' }),
  }),
);
const through = z.enum(['audience', 'grant']);

export const whoSawSchema = named(
  'WhoSaw',
  z.object({
    epochs: z.array(count).meta({ description: 'key epochs that the person was looked for in' }),
    ids: count.meta({ description: 'ids of the person that were looked for: more than one after a merge' }),
    records: count,
    viewers: z.array(
      z.object({
        through,
        name: z.string(),
        recipient: z.string(),
        purpose: words,
        accounting: z.string(),
        times: count,
        records: count,
        first: z.string(),
        last: z.string(),
        fieldsClear: words,
        dataClasses: words,
        isCertain,
      }),
    ),
    sightings: z.array(
      z.object({
        through,
        name: z.string(),
        recipient: z.string(),
        event: eventPlace,
        topic: z.string(),
        partition: count,
        offsets: z.array(count),
        fieldsClear: words,
        dataClasses: words,
        plan: z.string().nullable(),
        isCertain,
      }),
    ),
    ownReads: count.meta({ description: 'reads by gauze itself, given to nobody outside' }),
    remarks,
    page,
  }),
);

const sealPlace = z.object({
  n: count,
  offset: count,
  sealed: z.string(),
  origin: z.string(),
  checkpoint: z.string().nullable().meta({ description: 'the signed note, for any verifier' }),
});

export const exportsSchema = named(
  'Exports',
  z.object({
    from: z.string(),
    to: z.string(),
    answer: z.enum(['yes', 'no']),
    deliveries: z.array(
      z.object({
        through: z.enum(['audience', 'grant', 'export']),
        name: z.string(),
        recipient: z.string().nullable(),
        actor: z.string(),
        events: count,
        records: count,
        identifiers: words,
        fieldsClear: words,
        first: eventPlace,
        last: eventPlace,
      }),
    ),
    proof: z.object({
      isProved: z.boolean(),
      before: sealPlace.nullable(),
      after: sealPlace.nullable(),
      domains: count,
      ranges: count,
      missing: words.meta({ description: 'why it is not proved' }),
    }),
    remarks,
    page,
  }),
);

export const principalSchema = named(
  'PrincipalActs',
  z.object({
    principal: z.string(),
    acts: z.array(
      z.object({
        as: z.string(),
        type: z.string(),
        under: z.string(),
        outcome: z.string(),
        events: count,
        records: count,
        fieldsClear: words,
        first: eventPlace,
        last: eventPlace,
      }),
    ),
    remarks,
    page,
  }),
);

export const grantDeliverySchema = named(
  'GrantDelivery',
  z.object({
    grant: z.string(),
    recipient: z.string().nullable(),
    purpose: words,
    approvedBy: words,
    emergency: z.boolean(),
    expires: z.string().nullable(),
    records: count,
    persons: count.nullable(),
    fieldsClear: words,
    deliveries: z.array(
      z.object({
        event: eventPlace,
        topic: z.string(),
        partition: count,
        first: count,
        next: count,
        records: count,
        isLeaseOnly: z.boolean(),
        isLate: z.boolean(),
      }),
    ),
    steps: z.array(z.object({ event: eventPlace, type: z.string(), by: z.string() })),
    remarks,
    page,
  }),
);

export const overdueSchema = named(
  'OverdueGrants',
  z.object({
    overdue: z
      .array(
        z.object({
          grant: z.string(),
          expires: z.string().nullable(),
          event: eventPlace,
          type: z.string(),
          records: count,
        }),
      )
      .meta({ description: 'must be empty' }),
    grants: count,
    remarks,
    page,
  }),
);

export const doublesSchema = named(
  'DoubleApprovals',
  z.object({
    doubles: z
      .array(z.object({ request: z.string(), human: z.string(), votes: count, events: z.array(eventPlace) }))
      .meta({ description: 'must be empty' }),
    requests: count,
    remarks,
    page,
  }),
);

const times = z
  .object({ count, min: z.number(), median: z.number(), p95: z.number(), max: z.number() })
  .nullable();

export const cutoffsSchema = named(
  'Cutoffs',
  z.object({
    untilNoticed: times,
    untilLastAppend: times,
    cutoffs: z.array(
      z.object({
        grant: z.string(),
        entry: z.string(),
        entryOffset: count,
        ordered: z.string(),
        noticedMs: z.number(),
        lastAppendMs: z.number(),
        event: eventPlace,
      }),
    ),
    withoutCause: count,
    remarks,
    page,
  }),
);

const disclosure = named(
  'Disclosure',
  z.object({
    date: z.string(),
    recipient: z.string(),
    address: z.string().nullable(),
    description: z.string(),
    purpose: z.string(),
    accounting: z.string(),
    isCounted: z.boolean(),
    isCertain,
    event: eventPlace,
  }),
);
const party = z.object({ name: z.string(), address: z.string(), phone: z.string().optional() });
const protocol = z.object({
  name: z.string(),
  description: z.string(),
  criteria: z.string(),
  sponsor: party,
  researcher: party,
});

export const disclosuresSchema = named(
  'Disclosures',
  z.object({
    account: z.object({
      from: z.string(),
      to: z.string(),
      form: z.enum(['full', 'summary']),
      disclosures: z.array(disclosure),
      series: z.array(z.object({ first: disclosure, count, last: z.string(), isCounted: z.boolean() })),
      research: z.array(
        z.object({
          recipient: z.string(),
          protocol,
          description: z.string(),
          first: z.string(),
          last: z.string(),
        }),
      ),
      counted: count.meta({ description: 'disclosures that count, by event' }),
      remarks,
    }),
    file: z.string().nullable().meta({ description: 'the whole account as HTML or CSV, where asked for' }),
    page,
  }),
);

export const eventSchema = named(
  'AuditEvent',
  z.object({
    topic: z.string(),
    partition: count,
    offset: count,
    event: z.object({
      id: z.string(),
      type: z.string(),
      recorded: z.string(),
      actor: z.string(),
      read: z.string().nullable(),
      index: count,
      seal: count,
      sealed: z.string(),
      origin: z.string(),
      cosignedBy: z.array(z.object({ witness: z.string(), at: z.string().nullable() })),
    }),
    proof: z.string().meta({ description: 'c2sp.org/tlog-proof; verifies with nothing else' }),
  }),
);
