/**
 * Which three-digit ZIP prefixes have more than 20,000 people, as 45 CFR 164.514(b)(2)(i)(B) asks.
 * Source: US Census Bureau, 2020 Census, DHC table P1 (P1_001N), every ZCTA5 summed by its first three digits
 * (894 prefixes; public domain). A prefix that is not listed has fewer people or none, and must never be shown.
 */

const RANGES = `
  006-007 009-035 037-054 056-058 060-089 100-101 103-191 193-201 206-212 214-268 270-310 312-331
  333-339 341-342 344 346-347 349-352 354-368 370-374 376-398 400-418 420-427 430-458 460-508 510-516
  520-528 530-532 534-535 537-551 553-554 557-567 570-577 580-588 590-620 622-631 633-641 644-648
  650-658 660-662 664-681 683-691 693 700-701 703-708 710-714 716-731 734-741 743-752 754-770 773-816
  820 822 824-838 840-841 843-847 850-853 855-857 859-860 863-865 870-871 873-875 877 880-883 890-891
  894-895 897-898 900 902-908 910-928 930-937 939-941 943-961 967-968 970-986 988-999
`;

/** Of the prefixes that may be shown, in order, with a blank between each two. A test counts it again. */
export const POPULOUS_ZIP3_SHA256 = 'b4bc8d4c72c2fb38d0e3d72a60e441cf7142c19cbe5b149d4451983821d04d5d';

/** The 876 prefixes that may be shown. */
export const POPULOUS_ZIP3: ReadonlySet<string> = new Set(RANGES.trim().split(/\s+/).flatMap(unfold));

function unfold(range: string): string[] {
  const first = Number(range.slice(0, 3));
  const last = Number(range.slice(-3));
  return Array.from({ length: last - first + 1 }, (_, i) => String(first + i).padStart(3, '0'));
}
