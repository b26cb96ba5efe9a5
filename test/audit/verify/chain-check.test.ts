/**
 * How long events may stand without a signature: what a slow writer and one that died leave behind is honest, and a
 * chain whose signatures were taken away is not.
 */
import { describe, expect, test } from '@jest/globals';
import { accessEvent } from '../../../audit/access-events.ts';
import { ChainCheck } from '../../../audit/verify/chain-check.ts';
import { Findings } from '../../../audit/verify/finding.ts';
import { leafOf } from '../../../audit/verify/tree-check.ts';
import { auditEventCodec } from '../../../schemas/control-codecs.ts';
import { MadeChain, makeKey } from '../../support/audit-log-chains.ts';

const BEGIN_MS = Date.UTC(2026, 5, 12);
const ACTOR = {
  kind: 'HUMAN',
  id: 'ann@example.org',
  roles: [],
  on_behalf_of: null,
  token_id: null,
} as const;

/** An event of a story: when, by the writer and by the broker, whether it is signed, and what it is. */
interface Told {
  readonly atS: number;
  readonly appendedS?: number;
  readonly signed?: boolean;
  readonly type?: string;
}

/** What is found in one chain that opens at 0 and goes on so, looked at `afterS` later. */
function found(story: readonly Told[], afterS = 3_600): readonly string[] {
  const findings = new Findings();
  const check = new ChainCheck(findings, null);
  const chain = new MadeChain(Buffer.alloc(16, 1), 'gauze.approvals.one', {
    name: 'approvals',
    key: makeKey(),
  });
  const all: readonly Told[] = [{ atS: 0, signed: true, type: 'session.opened' }, ...story];
  for (const [offset, { atS, appendedS = atS, signed = false, type = 'request.created' }] of all.entries()) {
    const atMs = BEGIN_MS + atS * 1000;
    const ext = offset === 0 ? chain.opening : {};
    const value = chain.link(accessEvent({ type, actor: ACTOR }, atMs), atMs, { signed, ext });
    const appendTimeMs = BEGIN_MS + appendedS * 1000;
    const event = auditEventCodec.decode(value);
    check.accept({ event, value, leaf: leafOf(value), topic: 't', partition: 0, offset, appendTimeMs });
  }
  check.finish(BEGIN_MS + (all.at(-1)!.atS + afterS) * 1000, false);
  return findings.all.map(({ name, detail }) => `${name} ${detail}`);
}

describe('an honest writer', () => {
  test('signs within a second while it writes', () => {
    const story = Array.from({ length: 40 }, (_, at) => ({ atS: at * 0.4, signed: at % 3 === 0 }));
    expect(found(story)).toEqual([]);
  });

  test('signs the last of what it commits together, however long it was idle', () => {
    expect(found([{ atS: 40 }, { atS: 40 }, { atS: 40, signed: true, type: 'session.closed' }])).toEqual([]);
  });

  test('leaves a second without a signature where it died', () => {
    expect(found([{ atS: 0.4 }, { atS: 0.9 }])).toEqual([]);
  });

  test('has its events appended late by a slow broker', () => {
    expect(found([{ atS: 0.5, appendedS: 9 }])).toEqual([]);
  });

  test('may have a clock that was set', () => {
    expect(found([{ atS: 30, appendedS: 0.5 }])).toEqual([]);
  });
});

describe('signatures that were taken away', () => {
  test('are missed where the chain goes on', () => {
    const story = Array.from({ length: 30 }, (_, at) => ({ atS: at }));
    expect(found(story)).toEqual(['UNSIGNED_TAIL no signature after number 0']);
  });

  test('are missed where it ends, though nothing comes after', () => {
    expect(found([{ atS: 1, signed: true }, { atS: 7 }])).toEqual([
      'UNSIGNED_TAIL the last valid one is at 1',
    ]);
  });

  test('are missed in an order to close', () => {
    expect(found([{ atS: 0.5, type: 'session.closed' }])).toEqual([
      'UNSIGNED_TAIL the closing event has no valid signature',
    ]);
  });

  test('are not missed while the rest may still come', () => {
    expect(found([{ atS: 7 }], 2)).toEqual([]);
  });
});
