/**
 * The table of events, read back by csv-parse and compared with the events; made twice it is the same, it is on record
 * by its hash, and spreadsheets calculate nothing in it.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { array, assert, property, string } from 'fast-check';
import { csvLine } from '../../../audit/export/csv-line.ts';
import { EVENT_COLUMNS, eventTableLine } from '../../../audit/export/event-table.ts';
import { makeEventTable, makeRawCopy } from '../../../audit/export/export-makers.ts';
import { exportedEvents } from '../../../audit/export/exported-events.ts';
import type { ExportedEvent } from '../../../audit/export/exported-events.ts';
import { handOut } from '../../../audit/export/hashed-files.ts';
import { ALL_TIME } from '../../../audit/query/answer.ts';
import { ExportSource } from '../../../audit/raw-export.ts';
import { GauzeError } from '../../../platform/errors.ts';
import { honestLog } from '../../support/audit-log-maker.ts';
import { MemoryAuditSource } from '../../support/memory-audit-source.ts';

const log = honestLog(9, 150);
const source = new MemoryAuditSource(log.audit);
const folder = mkdtempSync(join(tmpdir(), 'gauze-table-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function events(): Promise<ExportedEvent[]> {
  const found: ExportedEvent[] = [];
  for await (const each of exportedEvents(source, ALL_TIME, { unreadable: 0, pruned: 0 })) found.push(each);
  return found;
}

/** Reads cells as a program does: the apostrophe that keeps a spreadsheet from calculating is taken away. */
function rowsOf(text: string): Record<string, string>[] {
  return parse<Record<string, string>>(text, {
    columns: true,
    record_delimiter: '\r\n',
    cast: (cell) => (/^'[=+\-@\t\r\n＝＋－＠]/.test(cell) ? cell.slice(1) : cell),
  });
}

describe('the table of events', () => {
  test('says of every event what the event says', async () => {
    const target = join(folder, 'events.csv');
    const { ready, rows } = await makeEventTable(source, { target });
    expect(readdirSync(folder)).toEqual(['events.csv.part']);
    await ready.publish();
    expect(readdirSync(folder)).toEqual(['events.csv']);
    expect(statSync(target).mode & 0o777).toBe(0o600);
    const bytes = readFileSync(target);
    expect(ready.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    const read = rowsOf(bytes.toString());
    const wanted = await events();
    expect([read.length, rows]).toEqual([wanted.length, wanted.length]);
    for (const [i, { event, partition, offset, appendedMs }] of wanted.entries()) {
      expect(read[i]).toMatchObject({
        partition: String(partition),
        offset: String(offset),
        appended: new Date(appendedMs).toISOString(),
        event_id: event.event_id.toString('hex'),
        type: event.type,
        phase: event.phase,
        actor: event.actor.id,
        recipient: event.recipient?.id ?? '',
        purpose: event.purpose.join('; '),
        accounting: event.accounting,
        grant: event.grant?.id ?? '',
        approved_by: event.grant?.approved_by.join('; ') ?? '',
        first_offset: event.range ? String(event.range.first_offset) : '',
        next_offset: event.range ? String(event.range.next_offset) : '',
        delivered: event.range ? String(event.range.delivered_count) : '',
        fields_clear: event.view?.fields_clear.join('; ') ?? '',
        persons: event.subjects ? String(event.subjects.distinct) : '',
        chain: event.chain_id.toString('hex'),
        seq: String(event.seq),
      });
      expect(Object.keys(read[i]!)).toEqual(EVENT_COLUMNS);
    }
    const again = await makeEventTable(source, { target });
    await again.ready.discard();
    expect(again.ready.sha256).toBe(ready.sha256);
    expect(readdirSync(folder)).toEqual(['events.csv']);
  });

  test('has the columns that the docs name, in their order', () => {
    const docs = readFileSync(join(import.meta.dirname, '../../../docs/audit.md'), 'utf8');
    expect(docs).toContain(`\`${EVENT_COLUMNS.join(' ')}\``);
  });

  test('is not handed out, nor left behind, where it cannot be put on record', async () => {
    const place = join(folder, 'unrecorded');
    mkdirSync(place);
    const { ready } = await makeEventTable(source, { target: join(place, 'events.csv') });
    const away = new GauzeError('ERR_AUDIT_INDEX_FILE', { file: 'x' });
    await expect(handOut(ready, async () => await Promise.reject(away))).rejects.toBe(away);
    expect(readdirSync(place)).toEqual([]);
    const seen: string[][] = [];
    const again = await makeEventTable(source, { target: join(place, 'events.csv') });
    await handOut(again.ready, () => Promise.resolve(void seen.push(readdirSync(place))));
    expect([seen, readdirSync(place)]).toEqual([[['events.csv.part']], ['events.csv']]);
    rmSync(place, { recursive: true });
  });

  test('is the same from a raw export, and says what is damaged there', async () => {
    const copy = join(folder, 'raw');
    await (await makeRawCopy(source, { target: copy })).ready.publish();
    const target = join(folder, 'from-raw.csv');
    const { ready, remarks } = await makeEventTable(await ExportSource.open(copy), { target });
    const live = await makeEventTable(source, { target: join(folder, 'live.csv') });
    expect([ready.sha256, remarks]).toEqual([live.ready.sha256, []]);
    const [segment] = readdirSync(copy).filter((name) => name.startsWith('events-'));
    rmSync(join(copy, segment!));
    const damaged = await makeEventTable(await ExportSource.open(copy), { target });
    expect(damaged.remarks[0]).toContain(segment);
    for (const { ready: each } of [live, damaged]) await each.discard();
  });

  test('shows no token, and no formula, of an event with both', async () => {
    const [first] = await events();
    const tokens = Buffer.from('a1b2c3d4e5f60708', 'hex');
    const { event } = first!;
    const hostile = {
      ...event,
      actor: { ...event.actor, id: '=HYPERLINK("http://example.org")' },
      recipient: { id: '@SUM(1)', name: null, address: null },
      request_id: '+1',
      subjects: { distinct: 1, key_epoch: 1, token_len: 8, index_sha256: null, tokens },
    };
    const line = eventTableLine({ ...first!, event: hostile });
    const cells = parse(line, { record_delimiter: '\r\n' })[0]!;
    expect(cells.filter((cell) => /^[=+\-@]/.test(cell))).toEqual([]);
    expect(cells).toContain(`'=HYPERLINK("http://example.org")`);
    expect(line.includes(tokens.toString('hex'))).toBe(false);
  });
});

test('a line of any cells is read back as those cells', () => {
  assert(
    property(array(string({ unit: 'binary' }), { minLength: 2 }), (cells) => {
      const read = parse(csvLine(cells), { record_delimiter: '\r\n' })[0]!;
      const plain = read.map((cell, i) => (cell === `'${cells[i]}` ? cells[i] : cell));
      expect(plain).toEqual(cells);
      expect(read.filter((cell) => /^[=+\-@\t\r\n]/.test(cell))).toEqual([]);
    }),
  );
});
