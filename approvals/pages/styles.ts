/**
 * The stylesheet of the pages: one file, served by us, light or dark as the reader's system says. Every colour stands
 * in the table of palettes, with what it is read on, so that a test can compute the contrast of each pair.
 */

/** Colours by what they are for; in both palettes the same names. */
export const PALETTES = {
  light: {
    ink: '#1b1f24',
    paper: '#ffffff',
    muted: '#4f5863',
    panel: '#f2f4f7',
    edge: '#7b8591',
    link: '#0b4f94',
    action: '#0b4f94',
    'on-action': '#ffffff',
    danger: '#9a0f24',
    'on-danger': '#ffffff',
    'alert-paper': '#fdeeee',
    'alert-ink': '#7a0c1e',
    'good-paper': '#eaf6ec',
    'good-ink': '#174a1e',
  },
  dark: {
    ink: '#e7eaee',
    paper: '#14171b',
    muted: '#aab3be',
    panel: '#1f242a',
    edge: '#7d8894',
    link: '#92bdf6',
    action: '#92bdf6',
    'on-action': '#0a1728',
    danger: '#ff9fa8',
    'on-danger': '#36040a',
    'alert-paper': '#3a1519',
    'alert-ink': '#ffd6d9',
    'good-paper': '#15301a',
    'good-ink': '#c9eecc',
  },
} as const;

export type ColourName = keyof typeof PALETTES.light;

/** Text, and what it stands on. WCAG 2.2, 1.4.3: 4.5 to 1. */
export const TEXT_PAIRS: readonly (readonly [ColourName, ColourName])[] = [
  ['ink', 'paper'],
  ['ink', 'panel'],
  ['muted', 'paper'],
  ['muted', 'panel'],
  ['link', 'paper'],
  ['link', 'panel'],
  ['on-action', 'action'],
  ['on-danger', 'danger'],
  ['danger', 'paper'],
  ['danger', 'panel'],
  ['alert-ink', 'alert-paper'],
  ['good-ink', 'good-paper'],
];

/** Edges of what can be used. WCAG 2.2, 1.4.11: 3 to 1. */
export const EDGE_PAIRS: readonly (readonly [ColourName, ColourName])[] = [
  ['edge', 'paper'],
  ['edge', 'panel'],
  ['link', 'paper'],
];

const RULES = `
*,::before,::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-999rem;top:0;padding:.6rem 1rem;background:var(--paper)}
.skip:focus{left:0;z-index:1}
header{border-bottom:1px solid var(--edge);background:var(--panel)}
.bar{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem 1.25rem;max-width:62rem;margin:0 auto;padding:.6rem 1rem}
.brand{font-weight:700;margin:0}
nav ul{display:flex;flex-wrap:wrap;gap:0 1rem;list-style:none;margin:0;padding:0}
nav a{display:inline-block;padding:.35rem 0}
nav a[aria-current]{font-weight:700;color:var(--ink);text-decoration-thickness:.15em}
.who{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem .75rem;margin-left:auto}
.who p,.who form{margin:0}
main{max-width:62rem;margin:0 auto;padding:1rem 1rem 4rem}
h1{font-size:1.6rem;line-height:1.25;margin:.75rem 0;overflow-wrap:anywhere}
h2{font-size:1.2rem;line-height:1.3;margin:2rem 0 .6rem}
h3{font-size:1rem;line-height:1.4;margin:0;overflow-wrap:anywhere}
p{margin:.5rem 0;max-width:44rem}
.muted{color:var(--muted)}
.state{display:inline-block;border:1px solid var(--edge);border-radius:.3rem;padding:.05rem .5rem;font-weight:600}
.words{margin:0;display:grid;grid-template-columns:1fr;gap:0}
.words dt{color:var(--muted);font-weight:600;margin-top:.6rem}
.words dt::first-letter{text-transform:uppercase}
.words dd{margin:0;overflow-wrap:anywhere;white-space:pre-line;unicode-bidi:isolate}
.cards{list-style:none;margin:0;padding:0;display:grid;gap:.6rem}
.cards>li{border:1px solid var(--edge);border-radius:.4rem;background:var(--panel);padding:.7rem .9rem}
.cards h2{margin:0 0 .3rem;font-size:1rem;overflow-wrap:anywhere}
.cards p{margin:.2rem 0;overflow-wrap:anywhere}
.scroll{overflow-x:auto;border:1px solid var(--edge);border-radius:.4rem}
table{border-collapse:collapse;width:100%;font-size:.95rem}
caption{text-align:left;padding:.5rem .7rem;color:var(--muted)}
th,td{text-align:left;vertical-align:top;padding:.4rem .7rem;border-top:1px solid var(--edge)}
.said{display:block;color:var(--muted);white-space:pre-line;unicode-bidi:isolate;overflow-wrap:anywhere}
td:first-child{min-width:7.2rem}
th code{white-space:nowrap;overflow-wrap:normal}
.words+.scroll,.scroll+.scroll,.filter+.cards,.filter+p,.scroll+form{margin-top:1rem}
.time{white-space:nowrap}
.long{min-width:16rem;max-width:32rem}
td details{margin:0}
td summary{padding:0;font-weight:400;white-space:nowrap}
code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.92em;overflow-wrap:anywhere}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;min-width:16rem}
.field{margin:1.1rem 0}
.field>label,legend{display:block;font-weight:600}
.hint{color:var(--muted);margin:.1rem 0 .3rem}
.fault{color:var(--danger);font-weight:600;margin:.1rem 0 .3rem}
input,select,textarea,button{font:inherit}
input:not([type=checkbox]):not([type=radio]),select,textarea{width:100%;max-width:30rem;padding:.5rem .6rem;border:1px solid var(--edge);border-radius:.3rem;background:var(--paper);color:var(--ink)}
input[type=number]{max-width:12rem}
textarea{max-width:44rem;min-height:5.5rem}
[aria-invalid=true]{border:2px solid var(--danger)!important}
fieldset{margin:1.1rem 0;padding:.6rem .9rem .8rem;border:1px solid var(--edge);border-radius:.4rem;min-width:0}
legend{padding:0 .4rem}
.tick{display:flex;gap:.6rem;align-items:flex-start;padding:.35rem 0}
.tick input{flex:none;width:1.3rem;height:1.3rem;margin:.1rem 0 0;accent-color:var(--link)}
.tick label{min-width:0;overflow-wrap:anywhere}
.tick small{display:block;color:var(--muted);font-size:.9rem}
.buttons{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.2rem 0 0}
button,.button{display:inline-block;min-height:2.75rem;padding:.5rem 1.1rem;border:1px solid var(--edge);border-radius:.4rem;background:var(--paper);color:var(--ink);cursor:pointer;text-decoration:none}
button.main,.button.main{background:var(--action);border-color:var(--action);color:var(--on-action);font-weight:600}
button.danger{background:var(--danger);border-color:var(--danger);color:var(--on-danger);font-weight:600}
.who button{min-height:2.2rem;padding:.2rem .8rem}
.alert,.told{border:1px solid currentcolor;border-left-width:.4rem;border-radius:.3rem;padding:.6rem .9rem;margin:1rem 0}
.alert{background:var(--alert-paper);color:var(--alert-ink)}
.alert a{color:inherit}
.told{background:var(--good-paper);color:var(--good-ink)}
.alert h2,.told h2{margin:0 0 .3rem;font-size:1.1rem}
.alert ul{margin:.3rem 0;padding-left:1.2rem}
.filter{display:flex;flex-wrap:wrap;gap:.75rem;align-items:flex-end}
.filter .field{margin:.3rem 0}
.filter select{min-width:12rem}
details{margin:1rem 0}
summary{cursor:pointer;font-weight:600;padding:.4rem 0}
@media (min-width:44rem){.words{grid-template-columns:minmax(7rem,max-content) 1fr;column-gap:1.2rem}.words dt{margin-top:.35rem}.words dd{margin-top:.35rem}}
@media print{header,form,.buttons{display:none}}
`;

/** The whole stylesheet. */
export const STYLESHEET =
  `:root{color-scheme:light dark;${variables('light')}}` +
  `@media (prefers-color-scheme:dark){:root{${variables('dark')}}}${RULES}`;

function variables(palette: keyof typeof PALETTES): string {
  return Object.entries(PALETTES[palette])
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(';');
}
