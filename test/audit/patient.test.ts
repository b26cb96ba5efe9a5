/**
 * Whom a question is about: all ids of a person in all key epochs, told by no id; and whom the tokens of a grant stand
 * for after the key was rotated.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  idsJoined,
  joinedWords,
  mergesAsked,
  patientReference,
  patientTokens,
  personOf,
} from '../../audit/query/patient.ts';
import { addSubjectTokenEpoch, createKeyringFile, loadKeyring } from '../../keys/keyring.ts';
import type { Keyring } from '../../keys/keyring.ts';
import { NO_ALIASES, parsePersonAliases } from '../../keys/person-aliases.ts';
import { tokenOf } from '../../keys/subject-tokens.ts';
import { grantTokens } from '../../topology/grant-persons.ts';
import { grantState } from '../support/grant-states.ts';

const ALIASES = parsePersonAliases(Buffer.from('merged,into,since\nB,A,2026-01-01\nC,B,2026-01-02\n'), 'x');

let folder: string;
let keyring: Keyring;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gauze-patient-'));
  const file = join(folder, 'keyring.json');
  await createKeyringFile(file, ['research']);
  await addSubjectTokenEpoch(file);
  keyring = await loadKeyring(file);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a question about a person', () => {
  test('covers every id in every key epoch, whichever id was given', () => {
    const wanted = [2, 1].flatMap((epoch) => {
      const tokens = keyring.subjectTokenEpochs().find((each) => each.epoch === epoch)!;
      return ['A', 'B', 'C'].map((id) => ({ epoch, token: tokenOf(tokens, id) }));
    });
    for (const id of ['A', 'B', 'C']) {
      const tokens = patientTokens(keyring, id, ALIASES);
      expect(tokens).toEqual(wanted);
      expect(idsJoined(tokens)).toBe(3);
      expect(patientReference(tokens)).toBe(patientReference(wanted));
    }
    expect(patientTokens(keyring, 'B', NO_ALIASES)).toEqual([wanted[1], wanted[4]]);
  });

  test('says how many ids were joined and by which file, and never an id', () => {
    expect(joinedWords(3)).toEqual(['3 ids of this person are joined, by the merges on file']);
    expect(joinedWords(1)).toEqual([]);
    expect(mergesAsked(ALIASES)).toEqual({ merges_sha256: ALIASES.sha256 });
    expect(mergesAsked(NO_ALIASES)).toEqual({});
  });

  test('takes tokens of one person for one in each epoch, and never over epochs', () => {
    const isPerson = personOf(keyring, ALIASES);
    const [newer, older] = keyring
      .subjectTokenEpochs()
      .map((tokens) => ['A', 'C'].map((id) => tokenOf(tokens, id).readBigUInt64BE()));
    expect([isPerson(2, newer![1]!), isPerson(2, newer![0]!)]).toEqual([newer![0], newer![0]]);
    expect(isPerson(1, older![1]!)).toBe(older![0]);
    expect(isPerson(1, newer![1]!)).toBe(newer![1]);
    expect(isPerson(7, older![1]!)).toBe(older![1]);
  });
});

describe('a grant', () => {
  test('is read under the key epoch of its scope, and not at all without that key', () => {
    const of = (epoch: number): number => {
      const state = grantState();
      return grantTokens(keyring, { ...state, scope: { ...state.scope, token_epoch: epoch } }).epoch;
    };
    expect([of(1), of(2)]).toEqual([1, 2]);
    expect(() => of(3)).toThrow(expect.objectContaining({ code: 'ERR_GRANT_TOKEN_EPOCH' }));
  });
});
