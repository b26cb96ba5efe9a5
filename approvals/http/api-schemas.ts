/**
 * The registry of named schemas that the OpenAPI document refers to, and the pieces that bodies and answers share.
 * Every object of a body is strict: a member that nobody reads would be a mistake that nobody sees.
 */
import { z } from 'zod';

/** Named schemas; a registry of our own, so that nothing else of the process gets into the document. */
export const apiSchemas = z.registry<{ id: string }>();

/** Gives a schema its name in the document. */
export function named<S extends z.ZodType>(id: string, schema: S): S {
  apiSchemas.add(schema, { id });
  return schema;
}

/** Of a request, of its grant, of a lock. */
export const idText = z.string().regex(/^[0-9a-f]{16}$/);
/** A SHA-256 in hex. */
export const hashText = z.string().regex(/^[0-9a-f]{64}$/);
/** A moment as ISO 8601 with a time zone. */
export const momentText = z.iso.datetime({ offset: true });

/** What a person writes: at least a few words. */
export const REASON_LENGTH = { min: 10, max: 2_000 } as const;
export const reasonText = z.string().min(REASON_LENGTH.min).max(REASON_LENGTH.max);

export const topicText = z.string().regex(/^[a-zA-Z0-9._-]{1,249}$/);
export const audienceText = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/);
export const principalText = z.string().regex(/^User:[^\s,*]{1,200}$/);
/** A path or a tag of a field. */
export const fieldText = z.string().regex(/^[$A-Za-z_][A-Za-z0-9_.$<>[\]{}]{0,499}$/);
/** An identifier as the field of the schema that says whom a record is about holds it. */
export const personText = z.string().min(1).max(200);
/** Reference to a ticket, an incident or a protocol of another system. */
export const ticketText = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._#/-]{0,63}$/);
/** HL7 v3-ActReason. */
export const purposeText = z.string().regex(/^[A-Z][A-Z0-9]{1,19}$/);
export const countNumber = z.int().min(1).max(1_000_000_000_000);
/** Minutes; a year at most, whatever the rules say. */
export const minutesNumber = z.int().min(1).max(527_040);
export const personList = z.array(personText).min(1).max(1_000);
export const fieldList = z.array(fieldText).min(1).max(200);
