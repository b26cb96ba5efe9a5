/**
 * Grants are held to their positions as lanes are, and to their leases; lanes jump only where a person ordered it.
 */
import { describe, expect, test } from '@jest/globals';
import { parseTrustFile } from '../../../audit/trust-file.ts';
import type { ResumeOrder } from '../../../audit/verify/audit-source.ts';
import { verifyAudit } from '../../../audit/verify/verifier.ts';
import type { VerifierState } from '../../../audit/verify/verifier-state.ts';
import { auditEventCodec } from '../../../schemas/control-codecs.ts';
import { AuditLogMaker } from '../../support/audit-log-maker.ts';
import type { MadeLane } from '../../support/audit-log-maker.ts';
import { MemoryAuditSource } from '../../support/memory-audit-source.ts';

interface Scene {
  readonly maker: AuditLogMaker;
  readonly grant: MadeLane;
  readonly lane: MadeLane;
}

function scene(): Scene {
  const maker = new AuditLogMaker();
  maker.seal();
  const [lane] = maker.lanes;
  maker.open(lane!);
  maker.batch(lane!, 9);
  const grant = maker.grant('g1', 0, 3);
  maker.open(grant);
  maker.batch(grant, 4);
  return { maker, grant, lane: lane! };
}

async function found(
  { maker }: Scene,
  state: VerifierState | null = null,
): Promise<{ readonly names: readonly string[]; readonly state: VerifierState }> {
  const trust = parseTrustFile(maker.trustNote, maker.rootVkey);
  const result = await verifyAudit(new MemoryAuditSource(maker.audit), { trust, state });
  const { findings } = result;
  return { names: findings.all.map(({ name }) => name), state: result.state };
}

async function names(made: Scene): Promise<readonly string[]> {
  made.maker.seal();
  return (await found(made)).names;
}

/** Takes away what tells of the grant's last lease, or of its last delivery, before anything is sealed. */
function without({ maker, grant }: Scene, phase: 'LEASE' | 'COMMITTED'): void {
  const { records } = maker.audit.partitions.find(
    ({ kind, partition }) => kind === 'events' && partition === grant.partition,
  )!;
  const at = records.findLastIndex(({ value }) => {
    const event = auditEventCodec.decode(value!);
    return event.grant !== null && event.phase === phase;
  });
  records.splice(at, 1);
}

describe('a grant', () => {
  test('that tiles what it read up to its position is sound', async () => {
    const made = scene();
    made.maker.batch(made.grant, 5, true);
    expect(await names(made)).toEqual([]);
  });

  test('that passes over records without a word has a gap', async () => {
    const made = scene();
    made.grant.position += 2;
    made.maker.batch(made.grant, 5);
    expect(await names(made)).toEqual(['COVERAGE_GAP']);
  });

  test('that reads records twice overlaps', async () => {
    const made = scene();
    made.grant.position -= 2;
    made.maker.batch(made.grant, 5);
    expect(await names(made)).toEqual(['COVERAGE_OVERLAP']);
  });

  test.each([
    ['beyond what it told of', 3, 'COVERAGE_SHORT'],
    ['before what it told of', -3, 'COVERAGE_BEYOND'],
  ])('may not stand %s', async (_where, by, finding) => {
    const made = scene();
    const { audit } = made.maker;
    audit.committed = audit.committed!.map((each) =>
      each.group === made.grant.identity.group ? { ...each, offset: each.offset + by } : each,
    );
    expect(await names(made)).toContain(finding);
  });

  test('that delivers without a lease on record is told', async () => {
    const made = scene();
    without(made, 'LEASE');
    expect(await names(made)).toContain('DELIVERY_NOT_LEASED');
  });

  test('that died between lease and delivery counts as having delivered', async () => {
    const made = scene();
    without(made, 'COMMITTED');
    expect(await names(made)).toContain('LEASE_UNDELIVERED');
  });

  test('may deliver under the lease of the session before, seen in another run', async () => {
    const made = scene();
    const { maker, grant } = made;
    const committed = maker.audit.committed!;
    maker.batch(grant, 5);
    const place = maker.audit.partitions.find(
      ({ kind, partition }) => kind === 'events' && partition === grant.partition,
    )!;
    // The delivery and its position are of the future.
    const delivery = place.records.pop()!;
    const [after, ends] = [maker.audit.committed, place.endOffset];
    maker.audit.committed = committed;
    place.endOffset = delivery.offset;
    maker.seal();
    const first = await found(made);
    expect(first.names).toEqual(['LEASE_UNDELIVERED']);
    place.records.push(delivery);
    [maker.audit.committed, place.endOffset] = [after, ends];
    maker.seal();
    expect((await found(made, first.state)).names).toEqual([]);
  });
});

describe('a lane that jumps', () => {
  const jumped = (change: (orders: ResumeOrder[]) => void): Scene => {
    const made = scene();
    const { maker, lane } = made;
    maker.close(lane);
    maker.open(lane, 2);
    change(maker.audit.resumeOrders!);
    return made;
  };

  test('by an order of a person is only told', async () => {
    expect(await names(jumped(() => undefined))).toEqual(['DECLARED_JUMP']);
  });

  test.each<[string, (orders: ResumeOrder[]) => void]>([
    ['without an order', (orders) => orders.splice(0)],
    ['by an order about another lane', (orders) => orders.splice(0, 1, { ...orders[0]!, partition: 1 })],
    [
      'by an order about another audience',
      (orders) => orders.splice(0, 1, { ...orders[0]!, audience: 'billing' }),
    ],
    ['by an order to go elsewhere', (orders) => orders.splice(0, 1, { ...orders[0]!, from: 'COMMITTED' })],
  ])('%s is told', async (_how, change) => {
    expect(await names(jumped(change))).toContain('SEEK_NOT_ORDERED');
  });

  test('twice by one order is told, in this run and in the next', async () => {
    const made = jumped(() => undefined);
    const { maker, lane } = made;
    maker.seal();
    const first = await found(made);
    expect(first.names).toEqual(['DECLARED_JUMP']);
    maker.close(lane);
    // The next order has the same place in the log as the one before.
    const [order] = maker.audit.resumeOrders!.splice(0);
    maker.open(lane, 1);
    expect(maker.audit.resumeOrders).toEqual([order]);
    maker.seal();
    expect((await found(made, first.state)).names).toContain('SEEK_NOT_ORDERED');
    expect((await found(made)).names).toContain('SEEK_NOT_ORDERED');
  });

  test('is excused from nothing that was missing before', async () => {
    const made = scene();
    const { maker, lane } = made;
    // Five records that no event tells of, then a jump that an order explains.
    lane.position += 5;
    maker.close(lane);
    maker.open(lane, lane.position + 3);
    expect(await names(made)).toEqual(['DECLARED_JUMP', 'COVERAGE_GAP']);
  });

  test('where the policy log is not at hand could not be checked', async () => {
    const made = jumped(() => undefined);
    made.maker.audit.resumeOrders = null;
    expect(await names(made)).toEqual(['DECLARED_JUMP', 'SEEK_UNCHECKED']);
  });
});

describe('a redrive', () => {
  /** Of lane and grant, with one that has read ten of twenty records again. */
  const redriven = (change: (made: Scene, redrive: MadeLane) => void = () => undefined): Scene => {
    const made = scene();
    const { maker } = made;
    const redrive = maker.redrive(0);
    change(made, redrive);
    maker.open(redrive, 1);
    maker.batch(redrive, 4);
    maker.pass(redrive, 10);
    maker.batch(redrive, 6, true);
    maker.close(redrive);
    return made;
  };

  test('that is ordered and tells of all it has read and passed over is only told', async () => {
    expect(await names(redriven())).toEqual(['DECLARED_REDRIVE']);
  });

  test('goes back, and beyond where it was, by an order each time', async () => {
    const made = redriven();
    const redrive = made.maker.lanes.at(-1)!;
    made.maker.open(redrive, 3);
    made.maker.batch(redrive, 2);
    made.maker.close(redrive);
    made.maker.open(redrive, 500);
    made.maker.batch(redrive, 1);
    expect(await names(made)).toEqual(['DECLARED_REDRIVE', 'DECLARED_REDRIVE', 'DECLARED_REDRIVE']);
  });

  test('that passes over records without a word has a gap', async () => {
    const made = redriven();
    const redrive = made.maker.lanes.at(-1)!;
    made.maker.open(redrive, 1);
    redrive.position += 3;
    made.maker.batch(redrive, 2);
    expect(await names(made)).toContain('COVERAGE_GAP');
  });

  test.each<[string, (made: Scene, redrive: MadeLane) => void]>([
    ['may not go by an order to a lane', (_, redrive) => void (redrive.seeksBy = 'EARLIEST')],
    [
      'gives no lane leave to jump',
      ({ maker, lane }) => {
        maker.close(lane);
        lane.seeksBy = 'REDRIVE';
        maker.open(lane, 2);
      },
    ],
  ])('%s', async (_, change) => {
    expect(await names(redriven(change))).toContain('SEEK_NOT_ORDERED');
  });

  test('that nobody has ordered is told', async () => {
    const made = redriven();
    made.maker.audit.resumeOrders = [];
    expect(await names(made)).toContain('SEEK_NOT_ORDERED');
  });
});
