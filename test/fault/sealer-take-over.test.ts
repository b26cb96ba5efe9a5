/**
 * A sealer that is stopped at each point of a round, while a standby takes over and seals on; and on past the hundredth
 * seal, from which sealers begin. One log comes of it, which the verifier finds sound and every witness has cosigned,
 * also one that was away for so long that the sealer no longer holds what it needs.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { accessEvent } from '../../audit/access-events.ts';
import { AuditLog } from '../../audit/audit-log.ts';
import type { CheckpointWitness } from '../../audit/sealer/checkpoint-maker.ts';
import { SealingSession } from '../../audit/sealer/sealing-session.ts';
import type { SealerSight } from '../../audit/sealer/sealing-session.ts';
import { NOTE_KEY, ed25519Signer, formatVkey, noteSigner } from '../../audit/signed-note.ts';
import { formatTrustFile, parseTrustFile } from '../../audit/trust-file.ts';
import { LiveSource } from '../../audit/verify/live-source.ts';
import { verifyAudit } from '../../audit/verify/verifier.ts';
import { WitnessClient } from '../../audit/witness/witness-client.ts';
import { startWitnessServer } from '../../audit/witness/witness-server.ts';
import type { WitnessServer } from '../../audit/witness/witness-server.ts';
import { createWitness, WitnessState } from '../../audit/witness/witness-state.ts';
import { Witness } from '../../audit/witness/witness.ts';
import { auditWriterKey } from '../../keys/audit-writer-key.ts';
import { createLogger } from '../../platform/log.ts';
import { topicNames } from '../../schemas/topic-names.ts';
import { TestPlane } from '../support/kafka-plane.ts';
import { eventually, uniqueName } from '../support/stack.ts';

const POINTS = ['groups', 'settings', 'acls', 'logEnds', 'witness'] as const;
type Point = (typeof POINTS)[number];

const ORIGIN = `test.example.org/${uniqueName('seals')}`;
const NAMES = topicNames(uniqueName('gz'));
const SIGNER = noteSigner(ORIGIN, NOTE_KEY.ED25519, ed25519Signer(Buffer.alloc(32, 1)));
const WRITER = auditWriterKey('approvals', Buffer.alloc(32, 2));
const ROOT = noteSigner('root', NOTE_KEY.ED25519, ed25519Signer(Buffer.alloc(32, 3)));
const ACTOR = {
  kind: 'HUMAN',
  id: 'ann@example.org',
  roles: [],
  on_behalf_of: null,
  token_id: null,
} as const;
const CONFIG = { 'message.timestamp.type': 'LogAppendTime' };
const WAIT_MS = 120_000;

interface RunningWitness {
  readonly state: WitnessState;
  readonly server: WitnessServer;
  readonly client: WitnessClient;
}

const plane = new TestPlane();
let directory: string;
let steady: RunningWitness;
/** Away but at the beginning and at the end. */
let seldom: RunningWitness;
let isSeldomThere = true;
let log: AuditLog;
/** The number of the last seal whose round was done. */
let sealed = -1;

beforeAll(async () => {
  await plane.start();
  directory = await mkdtemp(join(tmpdir(), 'gauze-take-over-'));
  await plane.topic(CONFIG, 2, NAMES.auditEvents);
  await plane.topic(CONFIG, 1, NAMES.auditSubjects);
  await plane.topic(CONFIG, 1, NAMES.auditSeals);
  steady = await witness('steady');
  seldom = await witness('seldom');
  log = new AuditLog({
    cluster: plane.cluster,
    topic: NAMES.auditEvents,
    transactionalId: NAMES.approvalsTransactionalId('test'),
    schemaId: 3,
    key: WRITER,
  });
}, WAIT_MS);

afterAll(async () => {
  await log.close();
  for (const { server, state } of [steady, seldom]) {
    await server.close();
    state.close();
  }
  await plane.close();
  await rm(directory, { recursive: true, force: true });
});

async function witness(name: string): Promise<RunningWitness> {
  const folder = join(directory, name);
  await createWitness(folder, `${name}.example.org`);
  const state = await WitnessState.open(folder);
  const server = await startWitnessServer({
    witness: new Witness({ state, logKeys: [SIGNER] }),
    host: '127.0.0.1',
    port: 0,
    log: createLogger({ level: 'silent' }),
  });
  return {
    state,
    server,
    client: new WitnessClient({ url: server.url, key: state.signer, timeoutMs: 30_000 }),
  };
}

/** Stops the session that comes to `point`, until it is let go. */
class Brake {
  readonly reached: Promise<void>;
  readonly letGo: () => void;
  private readonly point: Point | null;
  private readonly held: Promise<void>;
  private tell: () => void = () => undefined;

  constructor(point: Point | null) {
    this.point = point;
    this.reached = new Promise((resolve) => (this.tell = resolve));
    let release = (): void => undefined;
    this.held = new Promise((resolve) => (release = resolve));
    this.letGo = () => release();
  }

  async at(point: Point): Promise<void> {
    if (point !== this.point) return;
    this.tell();
    await this.held;
  }
}

interface Running {
  readonly session: SealingSession;
  readonly rounds: () => number;
  /** Its end: null where it was told to stop, else why. */
  readonly end: Promise<unknown>;
  readonly stop: () => Promise<unknown>;
}

function start(brake = new Brake(null)): Running {
  const sight: SealerSight = {
    groups: async () => await brake.at('groups').then(() => []),
    settings: async () => await brake.at('settings').then(() => new Map()),
    acls: async () => await brake.at('acls').then(() => []),
    logEnds: async () => await brake.at('logEnds').then(() => new Map()),
  };
  const asked = ({ client }: RunningWitness, isThere: () => boolean): CheckpointWitness => ({
    name: client.name,
    cosign: async (note, proofFrom, signal) => {
      await brake.at('witness');
      return isThere() ? await client.cosign(note, proofFrom, signal) : '';
    },
  });
  const role = 'User:nobody';
  let rounds = 0;
  const session = new SealingSession({
    cluster: plane.cluster,
    names: NAMES,
    origin: ORIGIN,
    // Half of it is how long witnesses are waited for.
    intervalMs: 60_000,
    signer: SIGNER,
    witnesses: [asked(steady, () => true), asked(seldom, () => isSeldomThere)],
    roles: { admin: role, topology: role, approvals: role, provisioner: role, sealer: role, auditor: role },
    sight,
    schemaIds: { seal: 1, checkpoint: 2 },
    onSealed: ({ n }) => {
      rounds += 1;
      sealed = Math.max(sealed, n);
    },
    onTrouble: () => undefined,
  });
  const control = new AbortController();
  const end = session.run(control.signal).then(
    () => null,
    (error: unknown) => error,
  );
  return {
    session,
    rounds: () => rounds,
    end,
    stop: async () => {
      control.abort();
      const reason = await end;
      session.close();
      return reason;
    },
  };
}

/** One round of a session of its own, with an event before it. */
async function round(): Promise<void> {
  await log.write(
    [accessEvent({ type: 'request.created', actor: ACTOR }, Date.now())],
    new AbortController().signal,
  );
  const running = start();
  await eventually(async () => {
    await Promise.resolve();
    if (running.rounds() === 0) throw new Error('no seal yet');
  }, WAIT_MS);
  expect(await running.stop()).toBeNull();
}

async function roundsTo(n: number): Promise<void> {
  for (let rounds = n - sealed; rounds > 0; rounds -= 1) await round();
}

async function takenOverAt(point: Point): Promise<void> {
  const brake = new Brake(point);
  const first = start(brake);
  await brake.reached;
  await round();
  await round();
  const after = sealed;
  brake.letGo();
  // It had done nothing yet that the other did not know, or its seal was there and its note is the other's to sign.
  expect(await first.end).toMatchObject({ code: 'ERR_KAFKA_FENCED' });
  first.session.close();
  expect(sealed).toBe(after);
}

test.each(POINTS)(
  'a standby takes over while a sealer stands at: %s',
  async (point) => {
    await round();
    await takenOverAt(point);
    isSeldomThere = false;
  },
  WAIT_MS,
);

test('goes on past the hundredth seal, taken over at each point around it', async () => {
  await roundsTo(97);
  for (const point of POINTS) await takenOverAt(point);
  await roundsTo(120);
}, 600_000);

test(
  'comes to one log, which every witness has cosigned and the verifier finds sound',
  async () => {
    isSeldomThere = true;
    await round();
    const size = sealed + 1;
    for (const { client } of [steady, seldom])
      expect((await client.latest(ORIGIN))!.split('\n')[1]).toBe(String(size));
    await log.close();
    await round();
    const validity = { notBeforeMs: Date.now() - 3_600_000, notAfterMs: null };
    const writer = {
      name: WRITER.name,
      isAdmin: false,
      publicKey: WRITER.publicKey,
      writerIdPrefix: NAMES.prefix,
    };
    const trust = {
      origin: ORIGIN,
      writers: [{ ...writer, ...validity }],
      sealers: [{ verifier: SIGNER, ...validity }],
      witnesses: [steady.state.signer, seldom.state.signer],
      quorum: 1,
    };
    const trusted = parseTrustFile(formatTrustFile(trust, ROOT), formatVkey(ROOT));
    const notes = async (): Promise<readonly string[]> => [(await steady.client.latest(ORIGIN))!];
    const source = new LiveSource(plane.cluster, NAMES, notes);
    const { findings, totals } = await verifyAudit(source, { trust: trusted });
    expect(findings.all.map(({ name, detail }) => `${name} ${detail}`)).toEqual([]);
    expect(totals.seals).toBe(sealed + 1);
    expect(totals.cosignedSeals).toBe(sealed + 1);
    expect(totals.events).toBeGreaterThan(100);
  },
  WAIT_MS,
);
