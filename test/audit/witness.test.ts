import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openCheckpoint, signCheckpoint } from '../../audit/checkpoint.ts';
import { MerkleTree, consistencyProof, leafHash } from '../../audit/merkle-tree.ts';
import {
  NOTE_KEY,
  ed25519Signer,
  formatVkey,
  noteSigner,
  parseVkey,
  signNote,
} from '../../audit/signed-note.ts';
import { formatAddCheckpoint } from '../../audit/witness/add-checkpoint.ts';
import { WitnessClient } from '../../audit/witness/witness-client.ts';
import { startWitnessServer } from '../../audit/witness/witness-server.ts';
import type { WitnessServer } from '../../audit/witness/witness-server.ts';
import { WITNESS_FILES, WitnessState, createWitness } from '../../audit/witness/witness-state.ts';
import { Witness } from '../../audit/witness/witness.ts';
import { parsePolicy, satisfies } from '../../audit/tlog-policy.ts';
import type { GauzeError } from '../../platform/errors.ts';
import { createLogger } from '../../platform/log.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const ORIGIN = 'gauze/test-cluster/gauze';
const log = noteSigner(ORIGIN, NOTE_KEY.ED25519, ed25519Signer(Buffer.alloc(32, 1)));
const thief = noteSigner(ORIGIN, NOTE_KEY.ED25519, ed25519Signer(Buffer.alloc(32, 2)));
const other = noteSigner('example.org/other', NOTE_KEY.ED25519, ed25519Signer(Buffer.alloc(32, 3)));

/** The log as it is, and as somebody who rewrote leaf 3 would have it. */
const honest = grown((i) => `seal ${i}`);
const forked = grown((i) => (i === 3 ? 'forged' : `seal ${i}`));

function grown(leaf: (i: number) => string): MerkleTree {
  const tree = new MerkleTree();
  for (let i = 0; i < 64; i += 1) tree.append(leafHash(Buffer.from(leaf(i))));
  return tree;
}

function noteOf(size: number, tree = honest, signer = log, origin = ORIGIN): string {
  return signCheckpoint({ origin, size, root: tree.root(size) }, signer);
}

let folder: string;
let opened: { readonly server: WitnessServer; readonly state: WitnessState }[];
let children: ChildProcess[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gauze-witness-test-'));
  opened = [];
  children = [];
});

afterEach(async () => {
  for (const { server, state } of opened) {
    await server.close();
    state.close();
  }
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function home(name = 'w1'): string {
  return path.join(folder, name);
}

/** A witness that listens; made first if it is not there. */
async function start(name = 'w1', isNew = true): Promise<{ readonly url: string; readonly vkey: string }> {
  if (isNew) await createWitness(home(name), `witness.example.org/${name}`);
  const state = await WitnessState.open(home(name));
  const witness = new Witness({ state, logKeys: [log, other] });
  const server = await startWitnessServer({
    witness,
    host: '127.0.0.1',
    port: 0,
    log: createLogger({ level: 'silent' }),
  });
  opened.push({ server, state });
  return { url: server.url, vkey: formatVkey(state.signer) };
}

async function stop(): Promise<void> {
  const { server, state } = opened.pop()!;
  await server.close();
  state.close();
}

function clientOf({ url, vkey }: { readonly url: string; readonly vkey: string }): WitnessClient {
  return new WitnessClient({ url, key: parseVkey(vkey) });
}

function proofIn(tree: MerkleTree, size: number): (old: number) => readonly Buffer[] {
  return (old) => consistencyProof(tree, old, size);
}

async function post(
  url: string,
  body: Buffer | string,
): Promise<{ status: number; type: string; text: string }> {
  const response = await fetch(`${url}/add-checkpoint`, {
    method: 'POST',
    body: new Uint8Array(Buffer.from(body)),
  });
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    text: await response.text(),
  };
}

function request(oldSize: number, note: string, proof: readonly Uint8Array[] = []): Buffer {
  return formatAddCheckpoint({ oldSize, proof, note: Buffer.from(note) });
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  return await run.then(
    () => 'none',
    (error: unknown) => (error as GauzeError).code,
  );
}

describe('a witness asked over HTTP', () => {
  test('cosigns a log as it grows, and shows what it saw last', async () => {
    const at = await start();
    const client = clientOf(at);
    for (const size of [1, 4, 4, 7, 64]) {
      const note = noteOf(size);
      const lines = await client.cosign(note, proofIn(honest, size));
      const { cosignatures } = openCheckpoint(note + lines!, ORIGIN, [log], [parseVkey(at.vkey)]);
      expect(cosignatures).toHaveLength(1);
      expect(Math.abs(cosignatures[0]!.timeSeconds! - Date.now() / 1000)).toBeLessThan(60);
      const latest = openCheckpoint((await client.latest(ORIGIN))!, ORIGIN, [log], [parseVkey(at.vkey)]);
      expect([latest.checkpoint.size, latest.cosignatures.length]).toEqual([size, 1]);
    }
    expect(await client.latest('example.org/other')).toBeNull();
    expect(await client.latest('example.org/stranger')).toBeNull();
  });

  test('answers with the statuses of the specification', async () => {
    const { url } = await start();
    expect((await post(url, request(0, noteOf(8)))).status).toBe(200);
    const proof = consistencyProof(honest, 8, 12);
    const cases: [string, Buffer | string, number][] = [
      ['old size above the size', request(13, noteOf(12), proof), 400],
      ['unknown origin', request(8, noteOf(12, honest, log, 'example.org/unknown'), proof), 404],
      ['unknown key', request(8, noteOf(12, honest, thief), proof), 403],
      ['key of another log', request(8, signNote(noteOf(12).split('\n\n')[0]! + '\n', other), proof), 403],
      ['a wrong signature of a known key', request(8, noteOf(12).replace('\n12\n', '\n13\n'), proof), 403],
      ['bit of the proof', request(8, noteOf(12), proof.with(0, Buffer.alloc(32))), 422],
      ['no proof', request(8, noteOf(12)), 422],
      ['too long a proof', request(8, noteOf(12), [...proof, Buffer.alloc(32)]), 422],
      ['the same size with a proof', request(8, noteOf(8), proof), 422],
      ['the same size with another root', request(8, noteOf(8, forked)), 422],
      ['a fork with its own proof', request(8, noteOf(12, forked), consistencyProof(forked, 8, 12)), 422],
      [
        '64 lines of proof',
        request(
          8,
          noteOf(12),
          Array.from({ length: 64 }, () => Buffer.alloc(32)),
        ),
        400,
      ],
      ['a short hash', request(8, noteOf(12), [Buffer.alloc(31)]), 400],
      ['a leading zero', request(8, noteOf(12), proof).toString().replace('old 8', 'old 08'), 400],
      ['a sign', request(8, noteOf(12), proof).toString().replace('old 8', 'old -8'), 400],
      ['no old line', noteOf(12), 400],
      ['nothing', '', 400],
      ['an extension line', request(8, signNote(`${noteOf(12).split('\n\n')[0]!}\nmore\n`, log), proof), 400],
      ['text after the note', `${request(8, noteOf(12), proof).toString()}more\n`, 400],
      ['too much', 'x'.repeat(200_000), 413],
    ];
    for (const [what, body, status] of cases)
      expect([what, (await post(url, body)).status]).toEqual([what, status]);
    expect(await post(url, request(0, noteOf(12)))).toEqual({
      status: 409,
      type: 'text/x.tlog.size',
      text: '8\n',
    });
    expect(await post(url, request(7, noteOf(12), consistencyProof(honest, 7, 12)))).toEqual({
      status: 409,
      type: 'text/x.tlog.size',
      text: '8\n',
    });
    expect((await fetch(`${url}/add-checkpoint`)).status).toBe(405);
    expect((await fetch(`${url}/${'0'.repeat(64)}/checkpoint`)).status).toBe(404);
    expect((await fetch(`${url}/`)).status).toBe(404);
    expect((await post(url, request(8, noteOf(12), proof))).status).toBe(200);
  });

  test('ignores signatures of strangers, and does not pass them on', async () => {
    const at = await start();
    const note = signNote(`${noteOf(5).split('\n\n')[0]!}\n`, thief, log);
    expect((await post(at.url, request(0, note))).status).toBe(200);
    const hash = createHash('sha256').update(ORIGIN).digest('hex');
    const latest = await (await fetch(`${at.url}/${hash}/checkpoint`)).text();
    expect(openCheckpoint(latest, ORIGIN, [log], [parseVkey(at.vkey)]).unknown).toEqual([]);
    expect(latest.split('\n').filter((line) => line.startsWith('\u2014'))).toHaveLength(2);
  });

  test('lets one of many at once move it, and never back', async () => {
    const { url } = await start();
    await post(url, request(0, noteOf(2)));
    const sizes = Array.from({ length: 30 }, (_, i) => 3 + i);
    const answers = await Promise.all(
      sizes.map(async (size) => await post(url, request(2, noteOf(size), consistencyProof(honest, 2, size)))),
    );
    const won = sizes.filter((_, i) => answers[i]!.status === 200);
    expect(won).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409).map(({ text }) => text)).toEqual(
      Array.from({ length: 29 }, () => `${won[0]}\n`),
    );
  });

  test('lets clients that do not know of each other find where it stands', async () => {
    const at = await start();
    const sizes = [9, 3, 20, 14, 31];
    const told = await Promise.all(
      sizes.map(async (size) => await clientOf(at).cosign(noteOf(size), proofIn(honest, size))),
    );
    // A smaller checkpoint that comes late is refused; the largest never is.
    expect(told[4]).toContain('witness.example.org/w1');
    expect(await clientOf(at).cosign(noteOf(12), proofIn(honest, 12))).toBeNull();
    expect((await clientOf(at).latest(ORIGIN))!.split('\n')[1]).toBe('31');
  });

  test('cosigns no fork and no rollback, whatever the owner of the log signs', async () => {
    const at = await start();
    const client = clientOf(at);
    await client.cosign(noteOf(10), proofIn(honest, 10));
    expect(await client.cosign(noteOf(10, forked), proofIn(forked, 10))).toBeNull();
    expect(await client.cosign(noteOf(12, forked), proofIn(forked, 12))).toBeNull();
    expect(await client.cosign(noteOf(9), proofIn(honest, 9))).toBeNull();
    expect(await codeOf(client.add(noteOf(9), 0, proofIn(honest, 9)))).toBe('ERR_WITNESS_REFUSED');
    expect((await client.latest(ORIGIN))!.split('\n')[1]).toBe('10');
    // And it goes on with the honest one.
    expect(await client.cosign(noteOf(12), proofIn(honest, 12))).not.toBeNull();
  });

  test('makes a quorum with another one', async () => {
    const [first, second] = [await start('w1'), await start('w2')];
    const policy = parsePolicy(
      Buffer.from(
        [
          `log ${formatVkey(log)}`,
          `witness one ${first.vkey} ${first.url}`,
          `witness two ${second.vkey} ${second.url}`,
          'group both all one two',
          'quorum both',
          '',
        ].join('\n'),
      ),
      'test.policy',
    );
    const note = noteOf(6);
    const one = await clientOf(first).cosign(note, proofIn(honest, 6));
    expect(satisfies(note + one!, policy)).toBe(false);
    expect(satisfies(note + one! + one!, policy)).toBe(false);
    const two = await clientOf(second).cosign(note, proofIn(honest, 6));
    expect(satisfies(note + one! + two!, policy)).toBe(true);
    // The cosignature of one under the name of the other is worth nothing.
    expect(satisfies(note + one! + one!.replace('/w1 ', '/w2 '), policy)).toBe(false);
  });

  test('drops who sends half a request and stays', async () => {
    const at = await start();
    const socket = connect(Number(new URL(at.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write('POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 500\r\n\r\nold 0\n');
    socket.destroy();
    expect(await clientOf(at).cosign(noteOf(3), proofIn(honest, 3))).not.toBeNull();
  });
});

describe('the memory of a witness', () => {
  test('outlives it', async () => {
    const at = await start();
    await clientOf(at).cosign(noteOf(10), proofIn(honest, 10));
    await stop();
    const again = await start('w1', false);
    expect((await post(again.url, request(0, noteOf(10, forked)))).text).toBe('10\n');
    expect(await clientOf(again).cosign(noteOf(11, forked), proofIn(forked, 11))).toBeNull();
    expect(await clientOf(again).cosign(noteOf(11), proofIn(honest, 11))).not.toBeNull();
  });

  test('is on the disk before anybody hears of it: killed between the two, it still knows', async () => {
    const vkey = await createWitness(home(), 'witness.example.org/w1');
    const child = spawn(
      process.execPath,
      [path.join(ROOT, 'test/support/witness-process.ts'), home(), formatVkey(log)],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    children.push(child);
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const exit = once(child, 'exit');
    const client = clientOf({ url: line.toString().trim(), vkey });
    expect(await codeOf(client.cosign(noteOf(10), proofIn(honest, 10)))).toBe('ERR_WITNESS_UNREACHABLE');
    expect((await exit)[1]).toBe('SIGKILL');
    const again = await start('w1', false);
    expect((await clientOf(again).latest(ORIGIN))!.split('\n')[1]).toBe('10');
    expect(await clientOf(again).cosign(noteOf(10, forked), proofIn(forked, 10))).toBeNull();
    expect(await clientOf(again).cosign(noteOf(10), proofIn(honest, 10))).not.toBeNull();
  });

  test('that is lost is not begun anew', async () => {
    await createWitness(home(), 'w');
    rmSync(path.join(home(), WITNESS_FILES.state));
    expect(await codeOf(WitnessState.open(home()))).toBe('ERR_WITNESS_STATE_LOST');
    expect(await codeOf(createWitness(home(), 'w'))).toBe('ERR_WITNESS_FOLDER');
    expect(await codeOf(WitnessState.open(home()))).toBe('ERR_WITNESS_STATE_LOST');
  });

  test('of another witness, or a damaged one, is refused', async () => {
    await createWitness(home('a'), 'w');
    await createWitness(home('b'), 'w');
    const [a, b] = ['a', 'b'].map((name) => path.join(home(name), WITNESS_FILES.state));
    const whole = readFileSync(a!, 'utf8');
    copyFileSync(b!, a!);
    expect(await codeOf(WitnessState.open(home('a')))).toBe('ERR_WITNESS_STATE');
    for (const damaged of [
      '',
      whole.slice(0, -10),
      whole.replace('"notes":{}', `"notes":{"${ORIGIN}":"x"}`),
    ]) {
      writeFileSync(a!, damaged);
      expect(await codeOf(WitnessState.open(home('a')))).toBe('ERR_WITNESS_STATE');
    }
    writeFileSync(a!, whole);
    (await WitnessState.open(home('a'))).close();
  });

  test('is for one process at a time', async () => {
    await createWitness(home(), 'w');
    const state = await WitnessState.open(home());
    expect(await codeOf(WitnessState.open(home()))).toBe('ERR_WITNESS_LOCKED');
    state.close();
    (await WitnessState.open(home())).close();
  });

  test('and its key are private, and a key that others may read is refused', async () => {
    await createWitness(home(), 'w');
    for (const file of [WITNESS_FILES.key, WITNESS_FILES.state])
      expect(statSync(path.join(home(), file)).mode & 0o777).toBe(0o600);
    chmodSync(path.join(home(), WITNESS_FILES.key), 0o644);
    expect(await codeOf(WitnessState.open(home()))).toBe('ERR_WITNESS_KEY_FILE');
  });
});

describe('a client', () => {
  test('believes no answer that the witness did not sign', async () => {
    const [one, two] = [await start('w1'), await start('w2')];
    const mixed = clientOf({ url: one.url, vkey: two.vkey });
    expect(await codeOf(mixed.cosign(noteOf(4), proofIn(honest, 4)))).toBe('ERR_WITNESS_ANSWER');
    expect(await codeOf(mixed.latest(ORIGIN))).toBe('ERR_AUDIT_NOTE_UNTRUSTED');
  });

  test('takes trouble of the witness for trouble, not for a refusal', async () => {
    const at = await start();
    rmSync(home(), { recursive: true });
    const client = clientOf(at);
    expect(await codeOf(client.cosign(noteOf(4), proofIn(honest, 4)))).toBe('ERR_WITNESS_ANSWER');
    // What is on its disk is in doubt: it cosigns nothing more.
    expect(await codeOf(client.cosign(noteOf(4), proofIn(honest, 4)))).toBe('ERR_WITNESS_ANSWER');
    expect(await client.latest(ORIGIN)).toBeNull();
  });

  test('tells a witness that is not there from one that refuses', async () => {
    const at = await start();
    const gone = { url: 'http://127.0.0.1:9', vkey: at.vkey };
    expect(await codeOf(clientOf(gone).cosign(noteOf(4), proofIn(honest, 4)))).toBe(
      'ERR_WITNESS_UNREACHABLE',
    );
    const stranger = noteOf(4, honest, log, 'example.org/unknown');
    expect(await clientOf(at).cosign(stranger, proofIn(honest, 4))).toBeNull();
  });
});

describe('gauze witness', () => {
  function gauze(...words: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [path.join(ROOT, 'cli/gauze.ts'), 'witness', ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    return child;
  }

  async function said(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
    let [out, err] = ['', ''];
    child.stdout!.on('data', (text: Buffer) => (out += text.toString()));
    child.stderr!.on('data', (text: Buffer) => (err += text.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out, err };
  }

  test('makes a witness, runs it until SIGTERM, and refuses to begin anew', async () => {
    const made = await said(gauze('init', '--folder', home(), '--name', 'witness.example.org/w1', '--json'));
    expect(made.code).toBe(0);
    const { vkey } = JSON.parse(made.out) as { vkey: string };
    const running = gauze('--folder', home(), '--log', formatVkey(log), '--port', '0', '--json');
    const [line] = (await once(running.stdout!, 'data')) as [Buffer];
    const { url } = JSON.parse(line.toString()) as { url: string };
    expect(await clientOf({ url, vkey }).cosign(noteOf(5), proofIn(honest, 5))).not.toBeNull();
    const ended = said(running);
    running.kill('SIGTERM');
    expect((await ended).code).toBe(0);

    rmSync(path.join(home(), WITNESS_FILES.state));
    const lost = await said(gauze('--folder', home(), '--log', formatVkey(log), '--port', '0'));
    expect([lost.code, lost.out]).toEqual([1, '']);
    expect(lost.err).toContain('ERR_WITNESS_STATE_LOST');
    const again = await said(gauze('init', '--folder', home(), '--name', 'witness.example.org/w1'));
    expect([again.code, again.out]).toEqual([1, '']);
    const nothing = await said(gauze('--folder', home(), '--port', '0'));
    expect(nothing.code).toBe(2);
  });
});
