/**
 * The patterns after which a name comes: cues in sentences, words of kinship, labels of forms. Each ends where the name
 * begins. Every repetition in them is bounded.
 */
import { CUES, FORM_LABELS, NAME_CUES, RELATIONS, WEAK_CUES } from './spoken-words.ts';

/** What announces a name, and how surely. */
export type Announcer = 'name cue' | 'cue' | 'weak cue' | 'label';

export const NAME_CUE = new RegExp(
  `(?<![\\p{L}\\d])(?:${NAME_CUES})[ ,:]{1,3}(?=["“'‘]?\\p{L})["“'‘]?`,
  'giu',
);

export const CUE = new RegExp(`(?<![\\p{L}\\d])(?:${CUES})[ ,:]{1,3}(?=["“'‘]?\\p{L})["“'‘]?`, 'giu');

export const WEAK_CUE = new RegExp(`(?<![\\p{L}\\d])(?:${WEAK_CUES}) (?=["“'‘]?\\p{Lu})["“'‘]?`, 'giu');

export const RELATION = new RegExp(
  `(?<![\\p{L}\\d])(?:${RELATIONS})(?:['’]s name is| named| called|,| of|:| is| \\(|-in-law,?)? (?=["“'‘]?\\p{Lu})["“'‘]?`,
  'giu',
);

export const LABEL = new RegExp(
  `(?:^|[\\n\\r|;\\t]|(?<=[.)] )) {0,8}[>*•#-]? {0,8}(?:${FORM_LABELS})(?: name)? ?(?:[:#=]|[:]?\\*\\*:?|,(?=\\s*\\n)) {0,12}(?:\\r?\\n)?(?=["“'‘]?\\p{L})`,
  'giu',
);

/** Between two parts of one name. */
export const JOINT = /^(?:[ \t]{1,2}|-|\. {0,2}|,? ?["“'‘(]|["”'’)] ?|\r?\n {0,2})$/u;

export const BLANK = /^[ \t\u00a0]{1,2}$/;
