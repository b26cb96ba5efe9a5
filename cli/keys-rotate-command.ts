/**
 * `gauze keys rotate subject-tokens`: a new key epoch for the tokens that stand for persons. Older epochs stay in the
 * keyring, because what was indexed under them is found by them alone. It prints no key.
 */
import { addSubjectTokenEpoch } from '../keys/keyring.ts';
import { GauzeError } from '../platform/errors.ts';
import { Site } from './site.ts';
import { EXIT, note, print } from './terminal.ts';

export interface RotateOptions {
  readonly config: string;
  readonly json: boolean;
}

/** Throws ERR_USAGE_ARGUMENT for any other key, ERR_KEY_MISSING, ERR_KEY_FILE. */
export async function keysRotateCommand(key: string, { config, json }: RotateOptions): Promise<number> {
  if (key !== 'subject-tokens')
    throw new GauzeError('ERR_USAGE_ARGUMENT', { setting: 'key', expected: 'subject-tokens' });
  const { keys } = (await Site.load(config)).config;
  if (!keys) throw new GauzeError('ERR_CONFIG_SETTING_MISSING', { setting: 'keys', file: config });
  const epoch = await addSubjectTokenEpoch(keys.file);
  if (json) print(JSON.stringify({ key, epoch }));
  else {
    print(`subject tokens: key epoch ${epoch} from now on`);
    note('Give the new keyring to topology, approvals and auditors, and start these again.');
  }
  return EXIT.ok;
}
