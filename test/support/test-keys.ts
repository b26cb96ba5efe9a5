/**
 * Keys for tests: derived as in production from a fixed root, so that results can be written down.
 * Never a key of anybody.
 */
import { createSecretKey } from 'node:crypto';
import { deriveKeyedHash } from '../../keys/derivation.ts';
import type { KeyPurpose } from '../../keys/derivation.ts';
import type { AudienceKeys, KeyedHash } from '../../keys/audience-keys.ts';

/** New keys, and so new caches, at each call; the same audience has the same key bytes. */
export function testKeys(audience = 'research'): AudienceKeys {
  const root = createSecretKey(Buffer.alloc(32, 7));
  const derived = new Map<string, KeyedHash>();
  const derive = (purpose: KeyPurpose, domain: string): KeyedHash => {
    const name = `${purpose} ${domain}`;
    const hash = derived.get(name) ?? deriveKeyedHash(root, { purpose, audience, domain, epoch: 1 });
    derived.set(name, hash);
    return hash;
  };
  return {
    audience,
    epoch: 1,
    pseudonyms: (domain) => derive('pseudonym', domain),
    dateShifts: (personSpace) => derive('date-shift', personSpace),
  };
}
