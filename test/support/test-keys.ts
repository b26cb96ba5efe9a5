/**
 * Keys for tests: derived as in production from a fixed root, so that results can be written down.
 * Never a key of anybody.
 */
import { createSecretKey } from 'node:crypto';
import { RootAudienceKeys } from '../../keys/root-audience-keys.ts';

/** New keys, and so new caches, at each call; the same audience and epoch has the same key bytes. */
export function testKeys(audience = 'research', epoch = 1): RootAudienceKeys {
  return new RootAudienceKeys(audience, epoch, createSecretKey(Buffer.alloc(32, 7)));
}
