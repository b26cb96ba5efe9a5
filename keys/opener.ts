/**
 * Opens what the encrypting methods wrote, for somebody who holds the keyring: outside the data path, and outside of
 * what gauze guarantees, since who holds the keyring needs no leave to use it. It must never say why a text does not
 * open, and never print a key.
 */
import type { TextFormat } from './audience-keys.ts';
import { Hidden } from './hidden.ts';
import type { RootAudienceKeys } from './root-audience-keys.ts';
import { epochOf } from './sealer.ts';
import type { Opened, SealedPlace } from './sealer.ts';

/** What can be opened of one audience, or of one grant; null for whatever does not open. */
export interface Opener {
  /** Of `encrypt`: the place is the raw topic's, the path that of the plan. The key epoch is in the text. */
  openSealed(sealed: Uint8Array, place: SealedPlace): Opened | null;
  /** Of `encrypt-deterministic`. The key epoch is in the text. */
  decrypt(encrypted: Uint8Array, domain: string): Buffer | null;
  /**
   * Of `format-preserving`: not authenticated, so any text of the format gives one. The text has no room for a key
   * epoch: without one, it is that in use.
   */
  decryptFormat(encrypted: string, domain: string, format: TextFormat, epoch?: number): string | null;
}

/** The keys of an epoch, or of the one in use; null where the keyring has none. */
export type KeysOfEpoch = (epoch?: number) => RootAudienceKeys | null;

export class KeyringOpener extends Hidden implements Opener {
  readonly #keys: KeysOfEpoch;

  constructor(keys: KeysOfEpoch) {
    super();
    this.#keys = keys;
  }

  openSealed(sealed: Uint8Array, place: SealedPlace): Opened | null {
    return this.#keysFor(sealed)?.sealer().open(sealed, place) ?? null;
  }

  decrypt(encrypted: Uint8Array, domain: string): Buffer | null {
    return this.#keysFor(encrypted)?.deterministic(domain).decrypt(encrypted) ?? null;
  }

  decryptFormat(encrypted: string, domain: string, format: TextFormat, epoch?: number): string | null {
    const cipher = this.#keys(epoch)?.formatPreserving(domain, format);
    const text = Buffer.from(encrypted, 'utf8');
    return cipher?.decryptInto(text, 0, text.length, text, 0) ? text.toString('latin1') : null;
  }

  #keysFor(text: Uint8Array): RootAudienceKeys | null {
    const epoch = epochOf(text);
    return epoch === null ? null : this.#keys(epoch);
  }
}
