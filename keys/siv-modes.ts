/**
 * The two ciphers behind encryption, as their RFCs have them: AES-GCM-SIV (RFC 8452) and AES-SIV (RFC 5297).
 * Node's own crypto offers neither. They must never give back what did not pass its tag, nor say why it did not.
 */
import { aessiv, gcmsiv } from '@noble/ciphers/aes.js';

/** The ciphertext, then the tag of 16 bytes. `key`: 16 or 32 bytes; `nonce`: 12 bytes. */
export function gcmSivEncrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  return gcmsiv(key, nonce, associated).encrypt(plain);
}

/** The plaintext; null where the text was not made of these. */
export function gcmSivDecrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array,
  text: Uint8Array,
): Buffer | null {
  return openedBy(() => gcmsiv(key, nonce, associated).decrypt(text));
}

/** The synthetic IV of 16 bytes, then the ciphertext. `key`: 32, 48 or 64 bytes. */
export function sivEncrypt(
  key: Uint8Array,
  associated: readonly Uint8Array[],
  plain: Uint8Array,
): Uint8Array {
  return aessiv(key, ...associated).encrypt(plain);
}

/** The plaintext; null where the text was not made of these. */
export function sivDecrypt(
  key: Uint8Array,
  associated: readonly Uint8Array[],
  text: Uint8Array,
): Buffer | null {
  return openedBy(() => aessiv(key, ...associated).decrypt(text));
}

/** The library throws where something does not open; its words are not ours to repeat. */
function openedBy(open: () => Uint8Array): Buffer | null {
  try {
    const plain = open();
    return Buffer.from(plain.buffer, plain.byteOffset, plain.length);
  } catch {
    return null;
  }
}
