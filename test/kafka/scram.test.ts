import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { authenticatorFor } from '../../kafka/authenticator.ts';
import type { Login } from '../../kafka/login.ts';

/** The broker's side of RFC 5802, with what it may do wrong. */
interface ScramServer {
  readonly hash: 'sha256' | 'sha512';
  readonly password: string;
  readonly iterations: string;
  /** From the client's nonce to the whole one. */
  nonce(client: string): string;
  /** From the right signature to the one sent. */
  signature(right: Buffer): Buffer;
  readonly salt: string;
}

const SOUND: ScramServer = {
  hash: 'sha256',
  password: 'pencil',
  iterations: '4096',
  nonce: (client) => `${client}%hvYDpWUa2RaTCAfuxFIlj)hNlF`,
  signature: (right) => right,
  salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
};

interface Exchange {
  readonly accepted: boolean;
  readonly proofIsRight: boolean | null;
  readonly messages: readonly string[];
}

/** Runs the exchange of RFC 7677 section 3 with the roles of nonces as they come. */
async function exchangeWith(server: ScramServer, login: Partial<Login> = {}): Promise<Exchange> {
  const mechanism = server.hash === 'sha256' ? 'scram-sha-256' : 'scram-sha-512';
  const whole: Login = { mechanism, username: 'user', password: 'pencil', ...login };
  const messages: string[] = [];
  let proofIsRight: boolean | null = null;
  let serverFirst = '';
  const answer = (message: Buffer): Buffer => {
    const text = message.toString();
    messages.push(text);
    if (messages.length === 1) {
      const client = /,r=(.*)$/.exec(text)?.[1] ?? '';
      serverFirst = `r=${server.nonce(client)},s=${server.salt},i=${server.iterations}`;
      return Buffer.from(serverFirst);
    }
    const withoutProof = text.slice(0, text.lastIndexOf(',p='));
    const size = server.hash === 'sha256' ? 32 : 64;
    const salt = Buffer.from(server.salt, 'base64');
    const salted = pbkdf2Sync(server.password, salt, Number(server.iterations), size, server.hash);
    const mac = (key: Buffer, of: string): Buffer => createHmac(server.hash, key).update(of).digest();
    const clientKey = mac(salted, 'Client Key');
    const stored = createHash(server.hash).update(clientKey).digest();
    const authMessage = `${messages[0]?.slice(3)},${serverFirst},${withoutProof}`;
    const signature = mac(stored, authMessage);
    const proof = Buffer.from(text.slice(withoutProof.length + 3), 'base64');
    proofIsRight = proof.equals(Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!)));
    const verifier = server.signature(mac(mac(salted, 'Server Key'), authMessage));
    return Buffer.from(`v=${verifier.toString('base64')}`);
  };
  const accepted = await authenticatorFor(whole)
    .authenticate(async (message) => await Promise.resolve(answer(message)))
    .then(
      () => true,
      () => false,
    );
  return { accepted, proofIsRight, messages };
}

describe('SCRAM', () => {
  test.each(['sha256', 'sha512'] as const)(
    'accepts a broker that knows the password, with %s',
    async (hash) => {
      expect(await exchangeWith({ ...SOUND, hash })).toMatchObject({ accepted: true, proofIsRight: true });
    },
  );

  test('proves the password to the broker without sending it', async () => {
    const { messages } = await exchangeWith(SOUND);
    expect(messages).toHaveLength(2);
    expect(messages.join()).not.toContain('pencil');
  });

  test('refuses a broker that cannot prove that it knows the password', async () => {
    const other = await exchangeWith({ ...SOUND, password: 'another' });
    expect(other).toMatchObject({ accepted: false, proofIsRight: false });
    const changed = await exchangeWith({
      ...SOUND,
      signature: (right) => Buffer.concat([right.subarray(0, -1), Buffer.from([right.at(-1)! ^ 1])]),
    });
    expect(changed).toMatchObject({ accepted: false, proofIsRight: true });
    for (const length of [0, 31, 33]) {
      const shortened = { ...SOUND, signature: (right: Buffer) => Buffer.concat([right, right], length) };
      expect((await exchangeWith(shortened)).accepted).toBe(false);
    }
  });

  test('refuses a nonce that does not carry its own on, before sending any proof', async () => {
    const nonces: readonly ScramServer['nonce'][] = [
      (client) => client,
      () => 'short',
      () => '',
      // No nonce ends with that.
      (client) => `${client.slice(0, -1)}!-and-more`,
    ];
    for (const nonce of nonces) {
      expect(await exchangeWith({ ...SOUND, nonce })).toMatchObject({ accepted: false, proofIsRight: null });
    }
  });

  test('refuses few iterations, absurdly many, and what is no number, before deriving any key', async () => {
    for (const iterations of ['1', '4095', '1000001', '4000000000', '', '4e99', '-4096', 'many']) {
      expect(await exchangeWith({ ...SOUND, iterations })).toMatchObject({
        accepted: false,
        proofIsRight: null,
      });
    }
  });

  test('refuses an empty salt', async () => {
    expect((await exchangeWith({ ...SOUND, salt: '' })).proofIsRight).toBeNull();
  });

  test('uses another nonce each time', async () => {
    const [one, other] = [await exchangeWith(SOUND), await exchangeWith(SOUND)];
    expect(one.messages[0]).not.toBe(other.messages[0]);
    expect(/,r=[A-Za-z0-9+/=]{32}$/.test(one.messages[0]!)).toBe(true);
  });

  test('escapes what would end a name, as RFC 5802 section 5.1 says', async () => {
    const { messages } = await exchangeWith(SOUND, { username: 'a=b,c' });
    expect(messages[0]).toMatch(/^n,,n=a=3Db=2Cc,r=/);
  });
});

describe('PLAIN', () => {
  test('sends name and password as RFC 4616 says', async () => {
    const sent: string[] = [];
    const login: Login = { mechanism: 'plain', username: 'user', password: 'pencil' };
    await authenticatorFor(login).authenticate(async (message) => {
      sent.push(message.toString());
      return await Promise.resolve(Buffer.alloc(0));
    });
    expect(sent).toEqual(['\0user\0pencil']);
  });
});
