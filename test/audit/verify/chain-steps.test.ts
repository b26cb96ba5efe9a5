/**
 * What each link of a chain must say, and what is found where one says something else; each chain is honest but for
 * that one thing.
 */
import { describe, expect, test } from '@jest/globals';
import { accessEvent } from '../../../audit/access-events.ts';
import { formatVkey, noteSigner } from '../../../audit/signed-note.ts';
import { ChainCheck } from '../../../audit/verify/chain-check.ts';
import { Findings } from '../../../audit/verify/finding.ts';
import { leafOf } from '../../../audit/verify/tree-check.ts';
import type { Trust, TrustedWriter } from '../../../audit/verify/trust.ts';
import { auditEventCodec } from '../../../schemas/control-codecs.ts';
import { MadeChain, makeKey, sessionSignature } from '../../support/audit-log-chains.ts';
import type { MadeKey } from '../../support/audit-log-chains.ts';

const BEGIN_MS = Date.UTC(2026, 5, 12);
const ACTOR = {
  kind: 'HUMAN',
  id: 'ann@example.org',
  roles: [],
  on_behalf_of: null,
  token_id: null,
} as const;
const WRITER = { name: 'approvals', key: makeKey() };
const WRITER_ID = 'gauze.approvals.one';

interface Link {
  readonly type?: string;
  readonly signed?: boolean;
  readonly ext?: Readonly<Record<string, string>>;
  readonly atMs?: number;
}

/** Chains as they are written, and what is found in them. */
class Story {
  readonly findings = new Findings();
  private readonly check: ChainCheck;
  private offset = 0;

  constructor(trust: Trust | null = trusted()) {
    this.check = new ChainCheck(this.findings, trust);
  }

  chain(id = 1, writerId = WRITER_ID): MadeChain {
    return new MadeChain(Buffer.alloc(16, id), writerId, WRITER);
  }

  open(chain: MadeChain, { ext = chain.opening, ...link }: Link = {}): void {
    this.tell(chain, { type: 'session.opened', signed: true, ext, ...link });
  }

  tell(
    chain: MadeChain,
    { type = 'request.created', signed = false, ext = {}, atMs = BEGIN_MS }: Link = {},
  ): void {
    this.take(chain.link(accessEvent({ type, actor: ACTOR }, atMs), atMs, { signed, ext }), atMs);
  }

  rotate(chain: MadeChain): void {
    this.take(chain.rotate(accessEvent({ type: 'key.rotated', actor: ACTOR }, BEGIN_MS), BEGIN_MS), BEGIN_MS);
  }

  take(value: Buffer, appendTimeMs: number): void {
    const event = auditEventCodec.decode(value);
    const place = { topic: 't', partition: 0, offset: this.offset++, appendTimeMs };
    this.check.accept({ event, value, leaf: leafOf(value), ...place });
  }

  found(): readonly string[] {
    this.check.finish(BEGIN_MS + 1_000, false);
    return this.findings.all.map(({ name, detail }) => `${name}: ${detail}`);
  }
}

function trusted(writer: Partial<TrustedWriter> = {}, key: MadeKey = WRITER.key): Trust {
  const root = noteSigner('root', 1, { publicKey: WRITER.key.publicKey, sign: () => Buffer.alloc(64) });
  const validity = { notBeforeMs: BEGIN_MS - 3_600_000, notAfterMs: null };
  const common = { name: 'approvals', isAdmin: false, publicKey: key.publicKey, writerIdPrefix: 'gauze.' };
  const writers = [{ ...common, ...validity, ...writer }];
  const origin = 'audit.example.org';
  return { origin, rootVkey: formatVkey(root), writers, sealers: [], witnesses: [], quorum: 0 };
}

test('an honest chain, its rotation and its successor have no finding', () => {
  const story = new Story();
  const [chain, next] = [story.chain(1), story.chain(2)];
  story.open(chain);
  story.tell(chain);
  story.rotate(chain);
  story.tell(chain, { signed: true });
  const end = {
    prev_chain: '01'.repeat(16),
    prev_seq: String(chain.seq),
    prev_head: chain.head.toString('hex'),
  };
  story.open(next, { ext: { ...next.opening, ...end } });
  story.tell(next, { type: 'session.closed', signed: true });
  expect(story.found()).toEqual([]);
});

describe('the beginning', () => {
  test('has number 0, names nobody before it, and is an opening', () => {
    const story = new Story();
    const [late, named, other] = [story.chain(1), story.chain(2), story.chain(3)];
    late.seq = 2;
    named.head = Buffer.alloc(32, 1);
    story.open(late);
    story.open(named);
    story.open(other, { type: 'request.created' });
    expect(story.found()).toEqual([
      'SEQ_GAP: the chain begins with number 3',
      'PREV_HASH: the first event names one before it',
      'NO_OPENING: it begins with request.created',
    ]);
  });

  test('is by a writer whose key is enrolled, now, for these ids', () => {
    const wrong = ['UNKNOWN_WRITER: opened in the name of approvals'];
    const opened = (trust: Trust): readonly string[] => {
      const story = new Story(trust);
      story.open(story.chain());
      return story.found();
    };
    expect(opened(trusted())).toEqual([]);
    expect(opened(trusted({}, makeKey()))).toEqual(wrong);
    expect(opened(trusted({ name: 'topology' }))).toEqual(wrong);
    expect(opened(trusted({ notAfterMs: BEGIN_MS - 1_800_000 }))).toEqual(wrong);
    expect(opened(trusted({ notBeforeMs: BEGIN_MS + 1_800_000 }))).toEqual(wrong);
    expect(opened(trusted({ writerIdPrefix: 'gauze.lane.' }))).toEqual(wrong);
  });

  test('has a key of its session, and is signed with it', () => {
    const [keyless, early, unsigned] = [new Story(), new Story(), new Story()];
    keyless.open(keyless.chain(), { ext: {}, signed: false });
    expect(keyless.found()).toEqual(['UNKNOWN_WRITER: the opening has no key of its session']);
    early.open(early.chain(), { ext: {}, signed: false, atMs: BEGIN_MS - 7_200_000 });
    expect(early.found()).toEqual(['NOT_SIGNED: this chain is the first of them']);
    unsigned.open(unsigned.chain(), { signed: false });
    expect(unsigned.found()[0]).toBe('BAD_SIGNATURE: there is none');
  });

  test('names a session before it that is there', () => {
    const story = new Story();
    const chain = story.chain();
    const before = { prev_chain: 'ab'.repeat(16), prev_seq: '4', prev_head: 'cd'.repeat(32) };
    story.open(chain, { ext: { ...chain.opening, ...before } });
    expect(story.found()).toEqual([`PREV_CHAIN_MISSING: the chain ${'ab'.repeat(16)} should end at 4`]);
  });
});

describe('what follows', () => {
  function after(change: (story: Story, chain: MadeChain) => void): readonly string[] {
    const story = new Story();
    const chain = story.chain();
    story.open(chain);
    story.tell(chain, { signed: true });
    change(story, chain);
    return story.found();
  }

  test('is of the same writer', () => {
    const found = after((story, { seq, head, sessionKey }) => {
      const other = Object.assign(story.chain(1, 'gauze.approvals.two'), { seq, head, sessionKey });
      story.tell(other, { signed: true });
    });
    expect(found).toEqual(['UNKNOWN_WRITER: the chain is of gauze.approvals.one']);
  });

  test('does not come after the end', () => {
    const found = after((story, chain) => {
      story.tell(chain, { type: 'session.closed', signed: true });
      story.tell(chain, { signed: true });
    });
    expect(found).toEqual(['CHAIN_AFTER_END: it was closed at 2']);
  });

  test('is signed with the key of its epoch', () => {
    expect(
      after((story, chain) => {
        chain.epoch = 5;
        story.tell(chain, { signed: true });
      }),
    ).toEqual(['KEY_EPOCH: epoch 5 where 1 signs']);
    const stolen = after((story, chain) => {
      chain.sessionKey = makeKey();
      story.tell(chain, { signed: true });
    });
    expect(stolen[0]).toBe('BAD_SIGNATURE: it is wrong');
  });

  test('hands on a key only with a signature of the key before', () => {
    const next = makeKey();
    const rotated = (by: MadeKey, chain: MadeChain): Readonly<Record<string, string>> => ({
      session_key: next.publicKey.toString('base64'),
      session_key_sig: sessionSignature(by, chain.chainId, 2, next.publicKey).toString('base64'),
    });
    const told = (by: (chain: MadeChain) => MadeKey, signed: boolean): readonly string[] =>
      after((story, chain) =>
        story.tell(chain, { type: 'key.rotated', signed, ext: rotated(by(chain), chain) }),
      );
    expect(told((chain) => chain.sessionKey, true)).toEqual([]);
    expect(told(() => next, true)).toEqual(['BAD_SIGNATURE: the next key is not signed by the one before']);
    expect(told((chain) => chain.sessionKey, false)[0]).toBe('BAD_SIGNATURE: there is none');
  });

  test('is signed at its end, before a successor names that', () => {
    const found = after((story, chain) => {
      story.tell(chain, { atMs: BEGIN_MS + 8_000 });
      const next = story.chain(2);
      const end = { prev_chain: '01'.repeat(16), prev_seq: '2', prev_head: chain.head.toString('hex') };
      story.open(next, { ext: { ...next.opening, ...end } });
    });
    expect(found).toEqual(['UNSIGNED_TAIL: the last valid one is at 1']);
  });

  test('ends where its successor says', () => {
    const named = (seq: string, head?: string): readonly string[] =>
      after((story, chain) => {
        const next = story.chain(2);
        const end = {
          prev_chain: '01'.repeat(16),
          prev_seq: seq,
          prev_head: head ?? chain.head.toString('hex'),
        };
        story.open(next, { ext: { ...next.opening, ...end } });
      });
    expect(named('1')).toEqual([]);
    expect(named('1', '00'.repeat(32))).toEqual([expect.stringMatching(/^PREV_CHAIN_TRUNCATED: /)]);
    expect(named('0')).toEqual([expect.stringMatching(/^PREV_CHAIN_TRUNCATED: /)]);
    expect(named('2')).toEqual([expect.stringMatching(/^PREV_CHAIN_TRUNCATED: /)]);
  });
});
