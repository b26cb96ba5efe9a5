/**
 * The order of a round and what is signed: nothing that was not read back, and no witness is waited for too long.
 */
import { describe, expect, test } from '@jest/globals';
import { openCheckpoint } from '../../../audit/checkpoint.ts';
import { verifyConsistency } from '../../../audit/merkle-proof.ts';
import { leafHash } from '../../../audit/merkle-tree.ts';
import { Alarms } from '../../../audit/sealer/alarms.ts';
import { CheckpointMaker } from '../../../audit/sealer/checkpoint-maker.ts';
import type { CheckpointWitness } from '../../../audit/sealer/checkpoint-maker.ts';
import { sealRound } from '../../../audit/sealer/round.ts';
import { SealsTree } from '../../../audit/sealer/seals-tree.ts';
import { ed25519Signer, NOTE_KEY, noteSigner, signatureLine } from '../../../audit/signed-note.ts';

const ORIGIN = 'gauze/c1/gauze';
const STEPS = ['readGroups', 'readAudit', 'seal', 'append', 'readBack', 'sign', 'publish'] as const;
type Step = (typeof STEPS)[number];

/** Runs a round of steps that only say that they ran; `fails` throws. */
async function round(fails: Step | null): Promise<readonly Step[]> {
  const done: Step[] = [];
  const step = async <T>(name: Step, result: T): Promise<T> => {
    await Promise.resolve();
    if (name === fails) throw new Error('as told');
    done.push(name);
    return result;
  };
  const run = sealRound({
    readGroups: async () => await step('readGroups', null),
    readAudit: async () => await step('readAudit', undefined),
    seal: async () => await step('seal', null),
    append: async () => await step('append', { value: Buffer.alloc(0), offset: 0 }),
    readBack: async () => await step('readBack', undefined),
    sign: async () => await step('sign', 'note'),
    publish: async () => await step('publish', undefined),
  });
  if (fails === null) await run;
  else await expect(run).rejects.toThrow('as told');
  return done;
}

test('offsets of groups are read first, and only a seal that was read back is signed', async () => {
  expect(await round(null)).toEqual(STEPS);
});

test.each(STEPS)('nothing happens in a round after %s has failed', async (fails) => {
  expect(await round(fails)).toEqual(STEPS.slice(0, STEPS.indexOf(fails)));
});

describe('a checkpoint', () => {
  const signer = noteSigner(ORIGIN, NOTE_KEY.ED25519, ed25519Signer(Buffer.alloc(32, 1)));
  const witnessKey = noteSigner(
    'witness.example.org',
    NOTE_KEY.COSIGNATURE,
    ed25519Signer(Buffer.alloc(32, 2)),
  );
  const tree = new SealsTree();
  for (let n = 0; n < 5; n++) tree.append(leafHash(Buffer.from([n])));
  const signal = new AbortController().signal;

  async function made(witness: CheckpointWitness['cosign'], patienceMs = 10_000) {
    const alarms = new Alarms();
    const maker = new CheckpointMaker({
      origin: ORIGIN,
      signer,
      witnesses: [{ name: 'w', cosign: witness }],
      patienceMs,
      olderProof: async () => await Promise.reject(new Error('not asked for')),
    });
    const note = await maker.make(tree, alarms, signal);
    return { note: openCheckpoint(note, ORIGIN, [signer], [witnessKey]), alarms: alarms.take() };
  }

  test('is signed over all seals, with the cosignature of a witness who was shown that the log only grew', async () => {
    const proofs: boolean[] = [];
    const before = { size: 3, root: tree.rootAt(3)! };
    const { note, alarms } = await made(async (text, proofFrom) => {
      const proof = await proofFrom(3);
      proofs.push(verifyConsistency(before, { size: 5, root: tree.root() }, proof));
      return signatureLine(text.slice(0, text.indexOf('\n\n') + 1), witnessKey);
    });
    expect(note.checkpoint).toEqual({ origin: ORIGIN, size: 5, root: tree.root() });
    expect(note.cosignatures).toHaveLength(1);
    expect(proofs).toEqual([true]);
    expect(alarms).toEqual([]);
  });

  test('is there in time though a witness never answers, and says so', async () => {
    const { note, alarms } = await made(async () => await new Promise<never>(() => undefined), 20);
    expect(note.cosignatures).toEqual([]);
    expect(alarms).toEqual([{ code: 'WITNESS_SILENT', place: 'w', detail: null }]);
  });

  test('is there though a witness refuses it or can not be reached, and says which', async () => {
    const refused = await made(async () => await Promise.resolve(null));
    const broken = await made(async () => await Promise.reject(new Error('no way there')));
    expect(refused.alarms).toMatchObject([{ code: 'WITNESS_REFUSED', detail: '5' }]);
    expect(broken.alarms).toMatchObject([{ code: 'WITNESS_SILENT' }]);
    expect(broken.note.checkpoint.size).toBe(5);
  });
});

describe('the log of seals', () => {
  test('proves its growth from every size that it holds, lets the oldest go, and says so', () => {
    const tree = new SealsTree();
    const roots: Buffer[] = [];
    const leaves = 20_000;
    for (let n = 0; n < leaves; n++) {
      roots.push(tree.root());
      tree.append(leafHash(Buffer.from(String(n))));
    }
    const head = { size: leaves, root: tree.root() };
    expect(tree.proofFrom(1)).toBeNull();
    expect(tree.rootAt(1)).toBeNull();
    for (const size of [leaves - 8_192, 12_345, 16_384, 19_999]) {
      const proof = tree.proofFrom(size)!;
      expect(verifyConsistency({ size, root: roots[size]! }, head, proof)).toBe(true);
      expect(tree.rootAt(size)!.equals(roots[size]!)).toBe(true);
    }
  });
});
