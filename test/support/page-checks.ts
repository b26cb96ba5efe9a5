/**
 * What every page must have for people who do not see it, or see it on a phone: checked on the page as the browser
 * has built it. Gives what is wrong, in words.
 */
import type { Page } from 'playwright-core';

/** Runs in the page, also where scripts of pages are switched off. */
const CHECKS = `(() => {
  const wrong = [];
  const all = (what) => [...document.querySelectorAll(what)];
  const say = (text, element) => wrong.push(text + (element ? ': ' + element.outerHTML.slice(0, 80) : ''));
  if (document.documentElement.lang !== 'en') say('no language');
  if (!document.title) say('no title');
  for (const [what, count] of [['h1', 1], ['main', 1], ['header', 1]])
    if (all(what).length !== count) say(all(what).length + ' of ' + what);
  if (!document.querySelector('a.skip[href="#main"]')) say('no way to skip the navigation');
  const ids = all('[id]').map((each) => each.id);
  for (const id of new Set(ids)) if (ids.filter((each) => each === id).length > 1) say('id twice ' + id);
  for (const each of all('input:not([type=hidden]),select,textarea'))
    if (!each.labels || each.labels.length === 0 || !each.labels[0].textContent.trim()) say('no label', each);
  for (const each of all('[aria-describedby]'))
    for (const id of each.getAttribute('aria-describedby').split(' '))
      if (!document.getElementById(id)) say('described by nothing', each);
  for (const each of all('a[href^="#"]'))
    if (!document.getElementById(each.getAttribute('href').slice(1))) say('leads nowhere', each);
  for (const each of all('a,button'))
    if (!(each.textContent.trim() || each.getAttribute('aria-label'))) say('no name', each);
  let level = 1;
  for (const each of all('main h1,main h2,main h3,main h4')) {
    const own = Number(each.tagName[1]);
    if (own > level + 1) say('a level of headings is left out', each);
    level = Math.max(own, 1);
  }
  for (const each of all('table')) {
    if (!each.caption || !each.caption.textContent.trim()) say('no caption', each);
    if (each.querySelector('th:not([scope])')) say('heads without scope', each);
  }
  for (const each of all('script,style,img,iframe,[style]')) say('not to be here', each);
  for (const each of all('*'))
    for (const { name } of each.attributes) if (name.startsWith('on')) say('a script in an attribute', each);
  for (const each of all('form[method=post]'))
    if (!each.querySelector('input[name=_csrf]')) say('a form without its token', each);
  for (const each of all('[tabindex]')) if (Number(each.getAttribute('tabindex')) > 0) say('another order of focus', each);
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth)
    say('wider than the screen: ' + document.documentElement.scrollWidth);
  return wrong;
})()`;

/** What is wrong with the page; nothing where all is well. */
export async function pageFaults(page: Page): Promise<readonly string[]> {
  return await page.evaluate<string[]>(CHECKS);
}
