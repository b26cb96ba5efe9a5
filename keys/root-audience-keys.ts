/**
 * What is derived from one audience's root key of one epoch: each derived key once, for one purpose and domain.
 * The root is a KeyObject; derived keys live in the objects that use them. None of them is ever printed or returned.
 */
import type { KeyObject } from 'node:crypto';
import type { AudienceKeys, KeyedHash, TextFormat } from './audience-keys.ts';
import { deriveCipherKey, deriveKeyedHash, deriveRoot } from './derivation.ts';
import type { DerivationContext, KeyPurpose } from './derivation.ts';
import { SivCipher } from './deterministic-cipher.ts';
import { Ff1Cipher } from './format-cipher.ts';
import { Hidden } from './hidden.ts';
import { GcmSivSealer } from './sealer.ts';

const AES_256_BYTES = 32;
const AES_256_SIV_BYTES = 64;

export class RootAudienceKeys extends Hidden implements AudienceKeys {
  readonly audience: string;
  readonly epoch: number;
  readonly #root: KeyObject;
  readonly #hashes = new Map<string, KeyedHash>();
  readonly #deterministic = new Map<string, SivCipher>();
  readonly #formats = new Map<string, Ff1Cipher>();
  #sealer: GcmSivSealer | null = null;

  constructor(audience: string, epoch: number, root: KeyObject) {
    super();
    this.audience = audience;
    this.epoch = epoch;
    this.#root = root;
  }

  /** The keys of a grant on this audience: derived from its root, and none of its own. */
  forGrant(grantId: string): RootAudienceKeys {
    const root = deriveRoot(this.#root, this.#context('grant', grantId));
    return new RootAudienceKeys(`grant-${grantId}`, this.epoch, root);
  }

  pseudonyms(domain: string): KeyedHash {
    return this.#hash('pseudonym', domain);
  }

  dateShifts(personSpace: string): KeyedHash {
    return this.#hash('date-shift', personSpace);
  }

  sealer(): GcmSivSealer {
    this.#sealer ??= new GcmSivSealer(
      deriveCipherKey(this.#root, this.#context('encrypt', ''), AES_256_BYTES),
      deriveKeyedHash(this.#root, this.#context('encrypt-nonce', '')),
      this.audience,
      this.epoch,
    );
    return this.#sealer;
  }

  deterministic(domain: string): SivCipher {
    return remembered(this.#deterministic, domain, () => {
      const context = this.#context('encrypt-deterministic', domain);
      const key = deriveCipherKey(this.#root, context, AES_256_SIV_BYTES);
      return new SivCipher(key, this.audience, domain, this.epoch);
    });
  }

  /** Another alphabet has another tweak; separators have none, so that a number joins however it is written. */
  formatPreserving(domain: string, { alphabet, separators }: TextFormat): Ff1Cipher {
    return remembered(this.#formats, JSON.stringify([domain, alphabet, separators]), () => {
      const context = this.#context('format-preserving', domain);
      const key = deriveCipherKey(this.#root, context, AES_256_BYTES);
      const tweak = Buffer.from(JSON.stringify([domain, alphabet]), 'utf8');
      return new Ff1Cipher(key, tweak, { alphabet, separators });
    });
  }

  #hash(purpose: KeyPurpose, domain: string): KeyedHash {
    return remembered(this.#hashes, `${purpose} ${domain}`, () =>
      deriveKeyedHash(this.#root, this.#context(purpose, domain)),
    );
  }

  #context(purpose: KeyPurpose, domain: string): DerivationContext {
    return { purpose, audience: this.audience, domain, epoch: this.epoch };
  }
}

function remembered<T>(known: Map<string, T>, name: string, make: () => T): T {
  let found = known.get(name);
  if (found === undefined) {
    found = make();
    known.set(name, found);
  }
  return found;
}
