/**
 * A site's own words for tags, as its config maps them.
 * It must never let a word stand for something else than it says: a tag of gauze keeps its meaning everywhere.
 */
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import { isTagName } from './tags.ts';
import type { SiteTags, TagName } from './tags.ts';

/**
 * The config's `tags:` as a table. A site may add words; it may not give a tag of gauze another meaning.
 * @throws GauzeErrors of ERR_CONFIG_SETTING_WRONG
 */
export function mapSiteTags(words: Readonly<Record<string, string>>, file = 'gauze.yaml'): SiteTags {
  const table = new Map<string, TagName>();
  const problems: GauzeError[] = [];
  for (const [word, tag] of Object.entries(words)) {
    const setting = `tags.${word}`;
    if (isTagName(word))
      problems.push(
        new GauzeError('ERR_CONFIG_SETTING_WRONG', { file, setting, expected: 'a word of your own, no tag' }),
      );
    else if (!isTagName(tag))
      problems.push(
        new GauzeError('ERR_CONFIG_SETTING_WRONG', { file, setting, expected: 'a tag of gauze' }),
      );
    else table.set(word, tag);
  }
  if (problems.length > 0) throw new GauzeErrors(problems);
  return table;
}
