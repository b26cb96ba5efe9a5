/**
 * Whom the tokens of a grant stand for: in the key epoch that its scope was made in, for as long as the keyring has the
 * key of that epoch, and one person for all ids that were merged. It never takes one epoch's tokens for another's.
 */
import type { Keyring } from '../keys/keyring.ts';
import type { SubjectTokens } from '../keys/subject-tokens.ts';
import { GauzeError } from '../platform/errors.ts';
import type { GrantState } from '../schemas/access-codecs.ts';

/** Tokens as a grant's scope has them. Throws ERR_GRANT_TOKEN_EPOCH where the key is gone. */
export function grantTokens(keyring: Keyring, { grant_id: grant, scope }: GrantState): SubjectTokens {
  const tokens = keyring.subjectTokenEpochs().find(({ epoch }) => epoch === scope.token_epoch);
  if (!tokens) throw new GauzeError('ERR_GRANT_TOKEN_EPOCH', { grant });
  return tokens;
}

/** The token that stands for a person, by any token of theirs; without an entry it is the token itself. */
export type Survivors = ReadonlyMap<bigint, bigint>;
