/**
 * Where to go back to after a log-in: a path of ours and nothing else, whatever somebody put into a link.
 */

const HOME = '/requests';
/** An origin that is nobody's. */
const NOWHERE = 'http://gauze.invalid';
const PAGES = /^\/(requests|grants|locks|break-glass|audit|queue)(\/|\?|$)/;

/** `text` where it is a path of our pages, with its query; the first page otherwise. */
export function localPath(text: string | undefined): string {
  if (text === undefined || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}$/.test(text)) return HOME;
  const url = URL.parse(text, NOWHERE);
  if (url?.origin !== NOWHERE) return HOME;
  const path = `${url.pathname}${url.search}`;
  return PAGES.test(path) ? path : HOME;
}
