import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { html } from '../../../approvals/pages/html.ts';
import { localPath } from '../../../approvals/pages/local-path.ts';
import { EDGE_PAIRS, PALETTES, STYLESHEET, TEXT_PAIRS } from '../../../approvals/pages/styles.ts';

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</textarea><script>1</script>',
  '` onload=`alert(1)`',
  '&lt;b&gt; &amp;',
  '${alert(1)}',
];

describe('html', () => {
  test.each(HOSTILE)('keeps %s text, in an element and in an attribute', (text) => {
    const made = String(html`<p title="${text}">${text}</p>`);
    const inner = made.replace('<p title="', '').replace('</p>', '').replace('">', '');
    expect(inner).not.toMatch(/[<>"'`]/);
    expect(inner).not.toMatch(/&(?!(amp|lt|gt|quot|#39|#96);)/);
  });

  test('lets no text whatsoever become a tag, an end of an attribute, or an entity', () => {
    const decoded = (text: string): string =>
      text.replace(/&(amp|lt|gt|quot|#39|#96);/g, (_all, name: string) => ENTITIES[name]!);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const made = String(html`${text}`);
        expect(made).not.toMatch(/[<>"'`]/);
        const plain = text.replace(/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
        expect(decoded(made)).toBe(plain);
      }),
    );
  });

  test('leaves what it has made itself as it is, in lists too, and shows nothing for nothing', () => {
    const items = ['a & b', '<c>'].map((each) => html`<li>${each}</li>`);
    const list = html`${items}${null}${undefined}${false}${0}`;
    expect(String(list)).toBe('<li>a &amp; b</li><li>&lt;c&gt;</li>0');
  });

  test('does not take an object for HTML because it looks like some', () => {
    const forged = { toString: () => '<b>', map: () => ['<b>'] };
    // @ts-expect-error only pieces that the template has made are pieces
    expect(String(html`${forged}`)).toBe('&lt;b&gt;');
  });

  test('shows characters that turn or hide text as what they are not', () => {
    expect(String(html`${'a\u202eb\u0000c\u2066d\n'}`)).toBe('a\ufffdb\ufffdc\ufffdd\n');
  });
});

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  '#96': '`',
};

describe('the way back after a log-in', () => {
  test.each([
    '/requests',
    '/requests/0123456789abcdef',
    '/requests/new?topic=a.b&audience=research',
    '/grants?skip=50',
    '/audit/event?at=0-17',
    '/queue/',
    '/break-glass',
  ])('may be %s', (path) => {
    expect(localPath(path)).toBe(path);
  });

  test.each([
    undefined,
    '',
    'https://evil.example/requests',
    '//evil.example/requests',
    '/\\evil.example/requests',
    '\\\\evil.example',
    '/\t/evil.example',
    '/requests\r\nset-cookie: a=b',
    '/requests/..//evil.example',
    '/requests\\..\\..\\evil.example',
    '/requests@evil.example',
    'javascript:alert(1)',
    '/login?return=/login',
    '/callback?code=1',
    '/logout',
    '/v1/requests',
    `/requests/${'a'.repeat(600)}`,
  ])('is never %s', (path) => {
    expect(localPath(path)).toBe('/requests');
  });

  test('is a path of ours whatever is asked for', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const url = new URL(localPath(`/${text}`), 'https://gauze.example');
        expect(url.origin).toBe('https://gauze.example');
      }),
    );
  });
});

describe('the stylesheet', () => {
  test.each(['light', 'dark'] as const)('can be read in the %s', (palette) => {
    const colours = PALETTES[palette];
    for (const [text, ground] of TEXT_PAIRS)
      expect([text, ground, contrast(colours[text], colours[ground]) >= 4.5]).toEqual([text, ground, true]);
    for (const [edge, ground] of EDGE_PAIRS)
      expect([edge, ground, contrast(colours[edge], colours[ground]) >= 3]).toEqual([edge, ground, true]);
  });

  test('has no colour but those of the palettes, and loads nothing', () => {
    const known = new Set<string>([...Object.values(PALETTES.light), ...Object.values(PALETTES.dark)]);
    for (const [colour] of STYLESHEET.matchAll(/#[0-9a-f]{3,8}\b/gi)) expect(known).toContain(colour);
    expect(STYLESHEET).not.toMatch(/url\(|@import|expression|rgb|hsl/);
  });
});

/** WCAG 2.2: ratio of relative luminances. */
function contrast(one: string, other: string): number {
  const [light, dark] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (light! + 0.05) / (dark! + 0.05);
}

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}
