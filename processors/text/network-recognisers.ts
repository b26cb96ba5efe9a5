/**
 * Recognisers of addresses in networks: email, URL, domain, IP of both versions, MAC.
 * Every pattern is bounded, so a text costs time in proportion to its length.
 */
import { isIP } from 'node:net';
import type { AddFinding } from './finding.ts';

const EMAIL = /(?<![\p{L}\d.+%_-])[\p{L}\d.+%_'-]{1,64}@[\p{L}\d-]{1,63}(?:\.[\p{L}\d-]{1,63}){1,8}/gu;
const URL = /(?<![\p{L}\d])(?:(?:https?|s?ftp|file|ldap|rtsp):\/\/|www\.)[^\s<>"'`]{1,2000}/giu;
const DOMAIN =
  /(?<![\p{L}\d@.-])(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.){1,6}(?:com|org|net|edu|gov|mil|info|biz|health|io|co|us|uk|ca|au|de|fr|es|it|nl|be|se|no|fi|dk|pl|ch|at|cz|pt|ie|jp|cn|in|br|mx|ru|eu|si|ee|nz|za)(?![\p{L}\d-])(?:\/[^\s<>"'`]{0,1000})?/giu;
const IPV4 = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]\d)(?:\/\d{1,2}|:\d{1,5})?/gu;
const IPV6 = /(?<![\p{L}\d:.])[\da-f:]{3,39}(?:\d{0,3}(?:\.\d{1,3}){3})?(?:%[\w]{1,16})?(?![\p{L}\d:])/giu;
const MAC =
  /(?<![\p{L}\d:-])(?:[\da-f]{2}([:-])(?:[\da-f]{2}\1){4}[\da-f]{2}|[\da-f]{4}\.[\da-f]{4}\.[\da-f]{4})(?![\p{L}\d:-])/giu;
const TRAILING = /[.,;:!?)\]}'"’”]+$/u;

/** Finds addresses in networks. */
export function findNetworkAddresses(text: string, add: AddFinding): void {
  const plain = (pattern: RegExp, kind: 'EMAIL' | 'URL' | 'MAC'): void => {
    for (const match of text.matchAll(pattern)) {
      const length = match[0].replace(TRAILING, '').length;
      add(match.index, match.index + length, kind);
    }
  };
  plain(EMAIL, 'EMAIL');
  plain(URL, 'URL');
  plain(DOMAIN, 'URL');
  plain(MAC, 'MAC');
  for (const match of text.matchAll(IPV4)) {
    const address = match[0].split(/[/:]/)[0]!;
    if (isIP(address) === 4 || /^\d{1,3}(?:\.0*(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])){3}$/.test(address))
      add(match.index, match.index + match[0].length, 'IP');
  }
  for (const match of text.matchAll(IPV6)) {
    const address = match[0].split('%')[0]!;
    if (address.includes(':') && isIP(address) === 6) add(match.index, match.index + match[0].length, 'IP');
  }
}
