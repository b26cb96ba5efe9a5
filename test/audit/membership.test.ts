/**
 * Proofs about one person in one batch: they hold for whoever is in it and for whoever is not, and for nothing that was
 * altered; nothing in them is an identifier.
 */
import { sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { OPENING_BYTES, membershipRoot, verifyPersonProof } from '../../audit/membership-proof.ts';
import type { NamedPerson, ProvenPerson } from '../../audit/membership-proof.ts';
import { MembershipTree, subjectsRoot } from '../../audit/membership-tree.ts';
import { EMPTY_ROOT, leafHash } from '../../audit/merkle-tree.ts';
import { provePerson } from '../../audit/person-prover.ts';
import { parseTrustFile } from '../../audit/trust-file.ts';
import { GauzeError } from '../../platform/errors.ts';
import { subjectIndexCodec } from '../../schemas/access-codecs.ts';
import { auditEventCodec } from '../../schemas/control-codecs.ts';
import { MADE_TOPICS, honestLog } from '../support/audit-log-maker.ts';
import { MemoryAuditSource } from '../support/memory-audit-source.ts';
import { slowRoot } from '../support/proof-mutations.ts';

const log = honestLog(11, 80, { membershipRoots: true });
const source = new MemoryAuditSource(log.audit);
const trust = parseTrustFile(log.trustNote, log.rootVkey);
const OPENING = Buffer.alloc(OPENING_BYTES, 9);
const auditor = log.writers.get('auditor')!.key;
const KEY = {
  name: 'auditor',
  publicKey: auditor.publicKey,
  sign: (message: Uint8Array) => sign(null, message, auditor.privateKey),
};

interface Batch {
  readonly at: { readonly topic: string; readonly partition: number; readonly offset: number };
  readonly tokens: readonly Buffer[];
}

/** Sealed batches of the index lanes, with the tokens in them. */
function batches(): readonly Batch[] {
  const indexes = [0, 1].flatMap((partition) =>
    log.partition('subjects', partition).records.map(({ value }) => subjectIndexCodec.decode(value!)),
  );
  return [0, 1].flatMap((partition) => {
    const sealed = log.seals
      .at(-1)!
      .seal.partitions.find((each) => each.topic === MADE_TOPICS.events && each.partition === partition)!;
    return log
      .partition('events', partition)
      .records.slice(0, sealed.tree_size)
      .flatMap(({ offset, value }) => {
        const event = auditEventCodec.decode(value!);
        const index = indexes.find(
          (each) =>
            each.partition === event.range?.partition && each.first_offset === event.range.first_offset,
        );
        if (!membershipRoot(event) || !index) return [];
        const count = index.tokens.length / 8;
        const tokens = Array.from({ length: count }, (_, i) => index.tokens.subarray(i * 8, i * 8 + 8));
        return [{ at: { topic: MADE_TOPICS.events, partition, offset }, tokens }];
      });
  });
}

const all = batches();
const large = all.reduce((best, each) => (each.tokens.length > best.tokens.length ? each : best));

async function proof(
  at: Batch['at'],
  ids: readonly { readonly id: string; readonly token: Buffer }[],
): Promise<string> {
  const made = await provePerson({
    source,
    at,
    idsIn: () => ids,
    key: KEY,
    opening: OPENING,
    mergesSha256: null,
    nowMs: log.nowMs,
  });
  return made.text;
}

function check(text: string | Buffer, person: NamedPerson | null = null): ProvenPerson | string {
  try {
    return verifyPersonProof(Buffer.from(text), trust, person);
  } catch (thrown) {
    if (thrown instanceof GauzeError) return thrown.code;
    throw thrown;
  }
}

interface LeafText {
  token: string;
  index: number;
  path: string[];
}
interface ProofText {
  format: string;
  statement: { ids: { token: string; person: string }[]; [key: string]: unknown };
  signature: string;
  places: ({ in: LeafText } | { before: LeafText | null; after: LeafText | null })[];
  event: string;
}

function altered(text: string, change: (file: ProofText) => void): string {
  const file = JSON.parse(text) as ProofText;
  change(file);
  return `${JSON.stringify(file, null, 1)}\n`;
}

/** The same statement again under the site's own key: what only a forger with that key could make. */
function resigned(text: string, change: (file: ProofText) => void): string {
  return altered(text, (file) => {
    change(file);
    const message = Buffer.from(`gauze-person-statement/1\n${JSON.stringify(file.statement)}`);
    file.signature = KEY.sign(message).toString('base64');
  });
}

function token(text: string): Buffer {
  return leafHash(Buffer.from(text)).subarray(0, 8);
}

describe('the tree of a batch', () => {
  test('has each token once, in order, and nobody, as RFC 6962 says it', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 0n, max: 40n }), { maxLength: 60 }), (numbers) => {
        const bytes = (n: bigint): Buffer => {
          const one = Buffer.alloc(8);
          one.writeBigUInt64BE(n << 56n);
          return one;
        };
        const distinct = [...new Set(numbers)].filter((n) => n > 0n).sort((a, b) => (a < b ? -1 : 1));
        const root = slowRoot(distinct.map((n) => leafHash(bytes(n))));
        const tokens = Buffer.concat(numbers.map(bytes));
        expect(subjectsRoot(tokens)).toEqual(root);
        const tree = new MembershipTree(tokens);
        expect([tree.size, tree.root]).toEqual([distinct.length, root]);
      }),
    );
    expect(subjectsRoot(Buffer.alloc(16))).toEqual(EMPTY_ROOT);
  });
});

describe('the proof about a person', () => {
  test('shows everybody who is in a batch, and who is not, wherever they would stand', async () => {
    expect(all.length).toBeGreaterThan(5);
    expect(large.tokens.length).toBeGreaterThan(4);
    let shown = 0;
    for (const { at, tokens } of all.slice(0, 6)) {
      const strangers = [token('one'), token('two'), Buffer.alloc(8), Buffer.alloc(8, 0xff)];
      strangers[2]![7] = 1;
      for (const each of [...tokens, ...strangers]) {
        const proven = check(await proof(at, [{ id: 'PAT-1', token: each }]));
        const isIn = tokens.some((other) => other.equals(each));
        expect(proven).toMatchObject({ isIn, ids: 1, isNamed: false });
        shown += 1;
      }
    }
    expect(shown).toBeGreaterThan(40);
  });

  test('covers all ids of a merged person, and says that they are in it if one is', async () => {
    const ids = [
      { id: 'PAT-2', token: token('x') },
      { id: 'PAT-1', token: large.tokens[1]! },
    ];
    expect(check(await proof(large.at, ids))).toMatchObject({ isIn: true, ids: 2 });
    const none = ids.map((each, i) => ({ ...each, token: token(`none ${i}`) }));
    expect(check(await proof(large.at, none))).toMatchObject({ isIn: false, ids: 2 });
  });

  test('tells whom it is about to who has the id and the opening, and to nobody else', async () => {
    const text = await proof(large.at, [{ id: 'PAT-CANARY', token: large.tokens[0]! }]);
    expect(text).not.toContain('CANARY');
    expect(text).not.toContain(OPENING.toString('hex'));
    expect(check(text, { id: 'PAT-CANARY', opening: OPENING })).toMatchObject({ isNamed: true });
    expect(check(text, { id: 'PAT-2', opening: OPENING })).toBe('ERR_AUDIT_PROOF');
    expect(check(text, { id: 'PAT-CANARY', opening: Buffer.alloc(OPENING_BYTES, 8) })).toBe(
      'ERR_AUDIT_PROOF',
    );
  });

  test('holds no longer with any byte changed, cut off, or added', async () => {
    for (const each of [large.tokens[2]!, token('nobody here')]) {
      const bytes = Buffer.from(await proof(large.at, [{ id: 'PAT-1', token: each }]));
      let refused = 0;
      for (let at = 0; at < bytes.length; at += 5) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= 1 << (at % 7);
        expect(typeof check(changed)).toBe('string');
        refused += 1;
      }
      expect(refused).toBeGreaterThan(500);
      for (let end = 0; end < bytes.length; end += 101)
        expect(typeof check(bytes.subarray(0, end))).toBe('string');
      for (const more of ['\n', ' ', 'x']) expect(typeof check(`${bytes.toString()}${more}`)).toBe('string');
    }
  });

  test('is refused with any of its parts exchanged, also by somebody who can sign', async () => {
    const other = all.find((each) => each !== large && each.tokens.length > 0)!;
    const inside = await proof(large.at, [{ id: 'PAT-1', token: large.tokens[2]! }]);
    const outside = await proof(large.at, [{ id: 'PAT-1', token: token('nobody here') }]);
    const elsewhere = await proof(other.at, [{ id: 'PAT-1', token: other.tokens[0]! }]);
    const places = (text: string): ProofText['places'] => (JSON.parse(text) as ProofText).places;
    const leafIn = (file: ProofText): LeafText => {
      const [place] = file.places;
      return place && 'in' in place ? place.in : ({} as LeafText);
    };
    const around = (file: ProofText): { before: LeafText | null; after: LeafText | null } => {
      const [place] = file.places;
      return place && 'before' in place ? place : { before: null, after: null };
    };
    const lies: Record<string, string> = {
      'another token stated': resigned(inside, (file) => (file.statement.ids[0]!.token = '00'.repeat(8))),
      'another token shown': altered(inside, (file) => (leafIn(file).token = '11'.repeat(8))),
      'another token in both': resigned(inside, (file) => {
        file.statement.ids[0]!.token = '11'.repeat(8);
        leafIn(file).token = '11'.repeat(8);
      }),
      'another index': altered(inside, (file) => (leafIn(file).index += 1)),
      'a shorter path': altered(inside, (file) => leafIn(file).path.pop()),
      'a path turned round': altered(inside, (file) => leafIn(file).path.reverse()),
      'a path with a hash more': altered(inside, (file) =>
        leafIn(file).path.push(Buffer.alloc(32).toString('base64')),
      ),
      'absence of who is in it': altered(inside, (file) => (file.places = places(outside))),
      'presence of who is not': altered(outside, (file) => (file.places = places(inside))),
      'no place at all': altered(inside, (file) => (file.places = [])),
      'a place too many': altered(inside, (file) => file.places.push(file.places[0]!)),
      'a place in another batch': altered(inside, (file) => (file.places = places(elsewhere))),
      'the event of another batch': altered(inside, (file) => {
        file.event = (JSON.parse(elsewhere) as ProofText).event;
      }),
      'the event of another batch, stated': resigned(inside, (file) => {
        const theirs = JSON.parse(elsewhere) as ProofText;
        file.event = theirs.event;
        file.statement['event'] = theirs.statement['event'];
      }),
      'a statement about another event': resigned(
        inside,
        (file) => (file.statement['event'] = '0'.repeat(32)),
      ),
      'another key epoch': resigned(inside, (file) => (file.statement['epoch'] = 2)),
      'another derivation': resigned(inside, (file) => (file.statement['derivation'] = 'none')),
      'another person, unsigned': altered(inside, (file) => (file.statement.ids[0]!.person = '0'.repeat(64))),
      'other merges, unsigned': altered(inside, (file) => (file.statement['mergesSha256'] = '0'.repeat(64))),
      'another time, unsigned': altered(inside, (file) => {
        file.statement['at'] = '2026-06-12T09:00:00.000Z';
      }),
      'a time before the key was valid': resigned(inside, (file) => {
        file.statement['at'] = '2001-01-01T00:00:00.000Z';
      }),
      'another signature': altered(inside, (file) => {
        file.signature = (JSON.parse(outside) as ProofText).signature;
      }),
      'a neighbour left out': altered(outside, (file) => (around(file).before = null)),
      'the other neighbour left out': altered(outside, (file) => (around(file).after = null)),
      'both left out': altered(outside, (file) => Object.assign(around(file), { before: null, after: null })),
      'neighbours exchanged': altered(outside, (file) => {
        const place = around(file);
        Object.assign(place, { before: place.after, after: place.before });
      }),
      'one neighbour twice': altered(outside, (file) => (around(file).after = around(file).before)),
      'the one who is there left out between two': resigned(inside, (file) => {
        file.places = places(outside);
      }),
    };
    expect(check(inside)).toMatchObject({ isIn: true });
    expect(check(outside)).toMatchObject({ isIn: false });
    for (const [what, lie] of Object.entries(lies))
      expect([what, check(lie)]).toEqual([what, 'ERR_AUDIT_PROOF']);
  });

  test('of absence fails for each one who is there, whichever neighbours are shown', async () => {
    const sorted = large.tokens.toSorted((a, b) => Buffer.compare(a, b));
    const leaves = new Map<number, LeafText>();
    for (const [i, each] of sorted.entries()) {
      const [place] = (JSON.parse(await proof(large.at, [{ id: 'PAT-1', token: each }])) as ProofText).places;
      leaves.set(i, (place as { in: LeafText }).in);
    }
    const mine = Math.floor(sorted.length / 2);
    const honest = await proof(large.at, [{ id: 'PAT-1', token: sorted[mine]! }]);
    const ends = [null, ...leaves.values()];
    for (const before of ends)
      for (const after of ends)
        expect(typeof check(altered(honest, (file) => (file.places = [{ before, after }])))).toBe('string');
  });

  test('is not made of an event without a root, nor where there is none', async () => {
    const plain = log
      .partition('events', 0)
      .records.find(({ value }) => !membershipRoot(auditEventCodec.decode(value!)))!;
    const at = { topic: MADE_TOPICS.events, partition: 0, offset: plain.offset };
    const made = proof(at, [{ id: 'PAT-1', token: token('x') }]);
    await expect(made).rejects.toMatchObject({ code: 'ERR_AUDIT_NOT_PROVABLE' });
    const nowhere = proof({ ...at, offset: 999_999 }, []);
    await expect(nowhere).rejects.toMatchObject({ code: 'ERR_AUDIT_NOT_PROVABLE' });
  });
});
