/**
 * Promises of the log: a closed set of fields, constant messages, and no way for a value to get in,
 * whoever calls it carelessly and whatever an error carries.
 */
import { describe, expect, test } from '@jest/globals';
import { GauzeError } from '../../platform/errors.ts';
import { createLogger, LOG_LEVELS } from '../../platform/log.ts';
import type { LogFields, LogLevel } from '../../platform/log.ts';

const CANARY = 'Zoltan Quux 999-12-3456';

function capture(level: LogLevel = 'trace', format: 'json' | 'line' = 'json') {
  const lines: string[] = [];
  const log = createLogger({ level, format, destination: { write: (line) => lines.push(line) } });
  return { log, lines, objects: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('the log', () => {
  test('writes the message and the fields', () => {
    const { log, objects } = capture();
    log.info('lane started', { topic: 'clinical.patients', partition: 3, offset: 12, audience: 'research' });
    expect(objects()[0]).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      msg: 'lane started',
      topic: 'clinical.patients',
      partition: 3,
      offset: 12,
      audience: 'research',
    });
  });

  test('gives the fields of a child to each of its lines', () => {
    const { log, objects } = capture();
    log.child({ audience: 'research' }).child({ partition: 1 }).warn('lane is behind', { count: 5 });
    expect(objects()[0]).toMatchObject({ level: 'warn', audience: 'research', partition: 1, count: 5 });
  });

  test('strips every field that is not on the list, at every level, in children too', () => {
    const { log, lines, objects } = capture();
    const careless = { value: CANARY, mrn: CANARY, err: new Error(CANARY), count: 1 } as LogFields;
    for (const level of LOG_LEVELS) {
      if (level !== 'silent') log.child(careless)[level]('something happened', careless);
    }
    expect(lines).toHaveLength(5);
    expect(lines.join('')).not.toContain('Quux');
    for (const line of objects()) expect(Object.keys(line)).toEqual(['level', 'time', 'count', 'msg']);
  });

  test('strips a listed field of the wrong kind: a whole record cannot pass as a topic', () => {
    const { log, lines } = capture();
    const wrong: object = { topic: { name: CANARY }, partition: CANARY };
    log.info('something happened', wrong);
    expect(lines.join('')).not.toContain('Quux');
  });

  test('writes code and context of our errors, and not their message', () => {
    const { log, objects } = capture();
    const error = new GauzeError('ERR_SCHEMA_UNKNOWN', { topic: 't', schemaId: 7, offset: 5 });
    log.error('lane holds', { error });
    expect(objects()[0]).toMatchObject({
      errorCode: 'ERR_SCHEMA_UNKNOWN',
      topic: 't',
      schemaId: 7,
      offset: 5,
    });
    expect(JSON.stringify(objects()[0])).not.toContain('registry');
  });

  test('writes only the class of foreign errors: no message, stack, cause or property', () => {
    const { log, lines, objects } = capture();
    const foreign = Object.assign(new TypeError(CANARY, { cause: CANARY }), { record: CANARY });
    log.error('something failed', { error: foreign });
    log.error('something failed', { error: CANARY });
    expect(lines.join('')).not.toContain('Quux');
    expect(objects()[0]).toMatchObject({ errorCode: 'ERR_INTERNAL', causeName: 'TypeError' });
    expect(objects()[1]).toMatchObject({ causeName: 'unknown' });
  });

  test('writes nothing below its level', () => {
    const { log, lines } = capture('warn');
    log.info('lane started');
    log.debug('plan compiled');
    log.error('lane holds');
    expect(lines).toHaveLength(1);
  });

  test('writes one readable line for a terminal', () => {
    const { log, lines } = capture('info', 'line');
    log.info('lane started', { audience: 'research', partition: 3 });
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d info {2}lane started {2}audience=research {2}partition=3\n$/);
  });

  test('keeps a field on one line and short, whatever is in it', () => {
    const { log, lines } = capture('info', 'line');
    log.info('lane started', { topic: `a\nb${'x'.repeat(5_000)}` });
    expect(lines[0]!.split('\n')).toHaveLength(2);
    expect(lines[0]!.length).toBeLessThan(400);
  });

  test('takes constant messages only, by its types', () => {
    const { log, lines } = capture('silent');
    const name: string = CANARY;
    // @ts-expect-error a message may not be made from a variable
    log.info(name);
    // @ts-expect-error nor be put together with one
    log.info(`saw ${name}`);
    log.info('saw nothing');
    expect(lines).toEqual([]);
  });
});
