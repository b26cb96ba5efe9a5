/**
 * `gauze keys rotate subject-tokens|<audience>`: a new key epoch for the tokens that stand for persons, or for what an
 * audience gets. Older epochs stay in the keyring, for what was made under them. It prints no key.
 */
import { addAudienceEpoch, addSubjectTokenEpoch } from '../keys/keyring.ts';
import { GauzeError } from '../platform/errors.ts';
import { Site } from './site.ts';
import { EXIT, note, print } from './terminal.ts';

export interface RotateOptions {
  readonly config: string;
  readonly json: boolean;
}

/** Throws ERR_KEY_MISSING for what is neither, ERR_KEY_FILE. */
export async function keysRotateCommand(key: string, { config, json }: RotateOptions): Promise<number> {
  const { keys } = (await Site.load(config)).config;
  if (!keys) throw new GauzeError('ERR_CONFIG_SETTING_MISSING', { setting: 'keys', file: config });
  const isOfTokens = key === 'subject-tokens';
  const epoch = isOfTokens ? await addSubjectTokenEpoch(keys.file) : await addAudienceEpoch(keys.file, key);
  if (json) print(JSON.stringify({ key, epoch }));
  else if (isOfTokens) {
    print(`subject tokens: key epoch ${epoch} from now on`);
    note('Give the new keyring to topology, approvals and auditors, and start these again.');
  } else {
    print(`${key}: key epoch ${epoch} is in the keyring; nothing uses it yet`);
    note(`1. Give the new keyring to every topology, and start these again.`);
    note(`2. Write  keys: { epoch: ${epoch} }  into the policy of ${key}, and run gauze apply.`);
    note(
      'Each lane takes it at one offset, which is on record; pseudonyms and date shifts are others from there.',
    );
  }
  return EXIT.ok;
}
