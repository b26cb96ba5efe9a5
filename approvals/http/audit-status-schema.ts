/**
 * What the status of the audit looks like over the API, and how it is made from what the office tells: the verdict with
 * its findings, how fresh it is, and what is amiss.
 */
import { z } from 'zod';
import { FINDING_CLASSES } from '../../audit/verify/finding.ts';
import { nowMs } from '../../platform/clock.ts';
import type { AuditStatus, Verification } from '../audit-status.ts';
import { named } from './api-schemas.ts';

const words = z.array(z.string());
const count = z.int();

const findingPlace = z.object({
  topic: z.string().optional(),
  partition: count.optional(),
  offset: count.optional(),
  chain: z.string().optional(),
  seq: count.optional(),
  writer: z.string().optional(),
  group: z.string().optional(),
  source: z.string().optional(),
  sourcePartition: count.optional(),
  from: count.optional(),
  to: count.optional(),
  seal: count.optional(),
  file: z.string().optional(),
});

export const statusSchema = named(
  'AuditStatus',
  z.object({
    verification: z
      .object({
        verdict: z.enum(['sound', 'broken', 'open']),
        asOf: z.string(),
        counts: z.record(z.enum(FINDING_CLASSES), count),
        sentences: words,
        findings: z.array(
          z.object({
            name: z.string(),
            class: z.enum(FINDING_CLASSES),
            meaning: z.string(),
            place: findingPlace,
            detail: z.string(),
          }),
        ),
        seals: count,
        lastSealed: z.string().nullable(),
        sealAgeMs: count.nullable(),
        checkpointSeals: count.meta({ description: 'seals under the newest checkpoint' }),
        cosignedSeals: count.meta({ description: 'seals under the newest checkpoint with its quorum' }),
        quorum: count.nullable(),
        witnesses: count.nullable(),
        unsealed: count,
        tookMs: count,
      })
      .nullable(),
    verifying: z.object({ done: count, all: count }).nullable(),
    indexed: z.string().nullable(),
    indexing: z.object({ read: count, of: count }).nullable(),
    troubles: z.array(
      z.object({ part: z.string(), code: z.string(), message: z.string(), action: z.string() }),
    ),
  }),
);

/** The status as the API gives it; also what its page shows. */
export function statusAnswer({ verification, troubles, ...rest }: AuditStatus): z.infer<typeof statusSchema> {
  return {
    verification: verification && verificationAnswer(verification),
    ...rest,
    troubles: [...troubles],
  };
}

function verificationAnswer({ report, ...more }: Verification) {
  const { verdict, asOf, counts, sentences, findings, totals } = report;
  const { seals, unsealed, lastSealedAtMs } = totals;
  return {
    verdict,
    asOf,
    counts,
    sentences: [...sentences],
    findings: findings.map(({ name, class: cls, meaning, place, detail }) => ({
      name,
      class: cls,
      meaning,
      place,
      detail,
    })),
    seals,
    unsealed,
    lastSealed: lastSealedAtMs === null ? null : new Date(lastSealedAtMs).toISOString(),
    sealAgeMs: lastSealedAtMs === null ? null : Math.max(0, Math.round(nowMs() - lastSealedAtMs)),
    ...more,
  };
}
