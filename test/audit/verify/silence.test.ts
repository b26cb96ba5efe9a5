/**
 * Whose silence is told: of a process that died and has nobody in its place, and of nobody's who was replaced.
 */
import { expect, test } from '@jest/globals';
import { systemEvent } from '../../../audit/audit-chain.ts';
import { HEARTBEAT } from '../../../audit/heartbeat.ts';
import { ChainCheck } from '../../../audit/verify/chain-check.ts';
import { Findings } from '../../../audit/verify/finding.ts';
import { leafOf } from '../../../audit/verify/tree-check.ts';
import { auditEventCodec } from '../../../schemas/control-codecs.ts';
import { MadeChain, makeKey } from '../../support/audit-log-chains.ts';

const BEGIN_MS = Date.UTC(2026, 5, 12);
const BY = { id: 'User:gauze-topology', role: 'topology' };

/** A process that beats from one second to another, and then says nothing more. */
interface Process {
  readonly writerId: string;
  readonly fromS: number;
  readonly toS: number;
  readonly closes?: boolean;
}

/** Writers whose silence is told, looked at after `asOfS` seconds. */
function silent(processes: readonly Process[], asOfS: number): readonly string[] {
  const findings = new Findings();
  const check = new ChainCheck(findings, null);
  let offset = 0;
  for (const [at, { writerId, fromS, toS, closes = false }] of processes.entries()) {
    const chain = new MadeChain(Buffer.alloc(16, at + 1), writerId, { name: 'topology', key: makeKey() });
    for (let second = fromS; second <= toS; second += 10) {
      const atMs = BEGIN_MS + second * 1000;
      const isLast = second + 10 > toS;
      const type = second === fromS ? 'session.opened' : closes && isLast ? 'session.closed' : HEARTBEAT;
      const ext = second === fromS ? chain.opening : {};
      const value = chain.link(systemEvent(type, BY, []), atMs, { signed: true, ext });
      const event = auditEventCodec.decode(value);
      const place = { topic: 't', partition: 0, offset: offset++, appendTimeMs: atMs };
      check.accept({ event, value, leaf: leafOf(value), ...place });
    }
  }
  check.finish(BEGIN_MS + asOfS * 1000, false);
  return findings.all.filter(({ name }) => name === 'CHAIN_SILENT').map(({ place }) => place.writer!);
}

const KILLED = { writerId: 'gauze.heartbeat.0011223344556677', fromS: 0, toS: 100 };
const OTHER = { writerId: 'gauze.heartbeat.8899aabbccddeeff', fromS: 110, toS: 300 };

test('tells of a process that has said nothing for over a minute', () => {
  expect(silent([KILLED], 150)).toEqual([]);
  expect(silent([KILLED], 170)).toEqual([KILLED.writerId]);
});

test('tells nothing of one that was killed and has another in its place', () => {
  expect(silent([KILLED, OTHER], 330)).toEqual([]);
  expect(silent([KILLED, { ...OTHER, closes: true }], 3_000)).toEqual([]);
});

test('tells of the last one of its kind, whatever else lives', () => {
  expect(silent([KILLED, OTHER], 500)).toEqual([OTHER.writerId]);
  const approvals = { ...OTHER, writerId: 'gauze.approvals.8899aabbccddeeff' };
  expect(silent([KILLED, approvals], 320)).toEqual([KILLED.writerId]);
});

test('tells nothing of one that ended in order', () => {
  expect(silent([{ ...KILLED, closes: true }], 3_000)).toEqual([]);
});
