/**
 * Consumers in Java, when a raw schema changes: each row of docs/policy.md by Avro's own library, with the bytes that
 * gauze publishes.
 */
import { expect, test } from '@jest/globals';
import { readingBreaks } from '../../schemas/compatibility.ts';
import { EVOLUTION, publish } from '../support/evolution-rows.ts';
import type { Published } from '../support/evolution-rows.ts';
import { javaAvroMissing, readWithJava } from '../support/java-avro.ts';
import type { JavaReading } from '../support/java-avro.ts';

const missing = javaAvroMissing();
const title =
  'the Avro library for Java reads on after every change that gauze lets pass, and gauze is the stricter';

(missing ? test.skip : test)(
  missing ? `${title} (skipped: ${missing})` : title,
  () => {
    const rows = EVOLUTION.map((row) => ({ ...row, published: publish(row) }));
    const reading = (reader: Published, writer: Published): JavaReading => ({
      reader: reader.schema,
      writer: writer.schema,
      bytes: writer.bytes,
    });
    const all = rows.flatMap(({ published: [before, after] }) => [
      { reader: after, writer: before },
      { reader: before, writer: after },
    ]);
    const java = readWithJava(all.map(({ reader, writer }) => reading(reader, writer)));
    expect(java).toHaveLength(rows.length * 2);
    for (const [at, { change, outcome, isSilent }] of rows.entries()) {
      const [backward, forward] = [java[2 * at]!, java[2 * at + 1]!];
      const told = { change, backward, forward };
      const isRead = { record: expect.stringContaining('"kept": "k"') as unknown, isCompatible: true };
      if (outcome !== 'breaks') expect(told).toMatchObject({ change, backward: isRead });
      if (outcome === 'same' || outcome === 'both') expect(told).toMatchObject({ change, forward: isRead });
      // Units of times are the one thing that Java does not look at.
      if (outcome === 'breaks' && !isSilent)
        expect(told).toMatchObject({ backward: { isCompatible: false } });
    }
    // What gauze calls readable, Java calls so too, whichever way round.
    for (const [at, { reader, writer }] of all.entries())
      if (readingBreaks(reader.parsed, writer.parsed).length === 0) expect(java[at]!.isCompatible).toBe(true);
  },
  120_000,
);
