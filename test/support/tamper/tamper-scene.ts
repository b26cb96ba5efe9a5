/**
 * The log that cases are played on: lanes, a session that follows one that died, rotates its key, dies and has a successor,
 * an index, a grant, an approval service, seals with a witness, and work after the last seal.
 */
import { AuditLogMaker, MADE_INTERVAL_MS, MADE_ORIGIN } from '../audit-log-maker.ts';
import type { MadeLane } from '../audit-log-maker.ts';
import type { MadeChain } from '../audit-log-chains.ts';
import { TamperLog } from './tamper-log.ts';

export interface TamperScene {
  readonly maker: AuditLogMaker;
  /** A new copy for each case, with every key there is. */
  log(): TamperLog;
}

const ROUNDS = 6;

/** Honest until somebody changes it. */
export function tamperScene(): TamperScene {
  const maker = new AuditLogMaker();
  const chains: MadeChain[] = [];
  const open = (lane: MadeLane): void => {
    maker.open(lane);
    chains.push(lane.session!.chain);
  };
  maker.seal();
  for (const lane of maker.lanes) open(lane);
  for (let round = 0; round < ROUNDS; round++) {
    playRound(maker, round, open);
    maker.tick(MADE_INTERVAL_MS - 9_000);
    maker.seal();
  }
  for (let times = 0; times < 3; times++) work(maker);
  return { maker, log: () => new TamperLog(maker.audit, keysOf(maker, chains)) };
}

function playRound(maker: AuditLogMaker, round: number, open: (lane: MadeLane) => void): void {
  const [first] = maker.lanes;
  if (round === 1) maker.approvals();
  if (round === 2) maker.rotate(first!);
  if (round === 3) open(maker.grant('g1', 0, 3));
  for (let times = 0; times < 3; times++) work(maker);
  if (round === 1 || round === 3) {
    maker.kill(first!);
    maker.tick(400);
    open(first!);
  }
}

function work(maker: AuditLogMaker): void {
  for (const lane of maker.lanes) {
    maker.tick(270);
    maker.batch(lane, 7, lane.position % 3 === 0);
  }
}

function keysOf(maker: AuditLogMaker, chains: readonly MadeChain[]): TamperLog['keys'] {
  return {
    writers: new Map([...maker.writers].map(([name, { key }]) => [name, key.privateKey])),
    sessions: new Map(chains.map((each) => [each.chainId.toString('hex'), each.sessionKey.privateKey])),
    sealer: { name: MADE_ORIGIN, privateKey: maker.sealerKey.privateKey },
    witness: { name: 'witness.example.org', privateKey: maker.witnessKey.privateKey },
  };
}
