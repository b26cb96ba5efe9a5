/**
 * What a preview answers, as a schema: counts, words, and masked records at most.
 */
import { z } from 'zod';
import { momentText, named } from './api-schemas.ts';

export const previewSchema = named(
  'Preview',
  z.object({
    scopeHash: z.string(),
    at: momentText,
    records: z.object({
      inRange: z.int().meta({ description: 'offsets in the ranges: no more records than that lie there' }),
      indexed: z.int().meta({ description: 'records that the index of persons has there' }),
      ofNamedPersons: z.int().nullable().meta({ description: 'of those indexed; null: nobody is named' }),
      atMost: z.int().meta({ description: 'what a grant could deliver' }),
    }),
    persons: z.object({
      indexed: z.int().meta({ description: 'distinct persons that the index has there' }),
      withoutPerson: z.int().meta({ description: 'indexed records that name nobody' }),
      named: z.int().nullable(),
      namedFound: z.int().nullable().meta({ description: 'how many of those named occur' }),
      atMost: z.int().nullable().meta({ description: 'whom a grant could be about; null: not known' }),
    }),
    index: z.object({
      complete: z.boolean().meta({ description: 'the index has got through all of the ranges' }),
      coveredOffsets: z.int(),
      otherKeyEpochs: z.boolean().meta({ description: 'part of it bears tokens of another epoch' }),
    }),
    reveals: z.array(
      z.object({
        path: z.string(),
        tags: z.array(z.string()),
        says: z.string(),
        instead: z.string().meta({ description: 'what the base audience sees there' }),
      }),
    ),
    staysMasked: z.int().meta({ description: 'fields that are not revealed' }),
    narrower: z.array(
      z.object({
        change: z.enum(['maxRecords', 'maxPersons', 'persons']),
        to: z.int(),
        because: z.string(),
      }),
    ),
    sample: z
      .array(z.object({ partition: z.int(), offset: z.int(), json: z.string() }))
      .nullable()
      .meta({ description: 'records as the base audience sees them' }),
  }),
);

export type PreviewAnswer = z.infer<typeof previewSchema>;
