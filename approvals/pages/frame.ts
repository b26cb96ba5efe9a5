/**
 * What every page has: head, skip link, navigation, who is logged in, notices, one main part with one heading. No
 * script, nothing from elsewhere; every path starts at our own root.
 */
import type { FastifyReply } from 'fastify';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import { OPERATORS } from '../access-rule.ts';
import { AUDITORS, seesAll } from '../people.ts';
import { hidden } from './forms.ts';
import { html } from './html.ts';
import type { Html, HtmlPart } from './html.ts';

/** Who looks at a page. */
export interface Visitor {
  readonly actor: AccessActor;
  /** To greet with. */
  readonly name: string | null;
  /** May go ahead in an emergency. */
  readonly mayBreakGlass: boolean;
}

/** What a page needs to know of the request it answers. */
export interface Frame {
  /** null: nobody is logged in. */
  readonly visitor: Visitor | null;
  /** Goes into every form. */
  readonly csrf: string;
}

export interface Page {
  readonly title: string;
  /** Path of the entry of the navigation that this page belongs to. */
  readonly at?: string;
  /** Above the heading: what was done, or what was not. */
  readonly notice?: Html | null;
  readonly body: HtmlPart;
}

/** Only our stylesheet; forms go to us; nothing is run, framed or based elsewhere. */
const CONTENT =
  "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export const STYLES_PATH = '/pages.css';

/** Headers of all pages. A browser names its origin in a form only where it may name us as referrer. */
export function pageHeaders(reply: FastifyReply): void {
  reply.header('content-security-policy', CONTENT);
  reply.header('referrer-policy', 'same-origin');
}

export async function sendPage(reply: FastifyReply, page: Html, status = 200): Promise<void> {
  await reply.code(status).type('text/html; charset=utf-8').send(page.toString());
}

/** The whole document. */
export function documentOf(frame: Frame, { title, at, notice, body }: Page): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title} - gauze</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <link rel="stylesheet" href="${STYLES_PATH}" />
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <div class="bar">
            <p class="brand">gauze</p>
            ${frame.visitor ? navigation(frame, frame.visitor, at) : null}
          </div>
        </header>
        <main id="main" tabindex="-1">
          ${notice}
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html> `;
}

function navigation(frame: Frame, { actor, name, mayBreakGlass }: Visitor, at: string | undefined): Html {
  const entries: readonly (readonly [string, string, boolean])[] = [
    ['/requests', 'Requests', true],
    ['/requests/new', 'Ask', true],
    ['/break-glass', 'Emergency', mayBreakGlass],
    ['/grants', 'Grants', true],
    ['/locks', 'Locks', seesAll(actor)],
    ['/audit', 'Audit', actor.roles.includes(AUDITORS)],
    ['/queue', 'Queue', actor.roles.includes(OPERATORS)],
  ];
  return html`<nav aria-label="Pages">
      <ul>
        ${entries
          .filter(([, , isShown]) => isShown)
          .map(
            ([path, text]) =>
              html`<li>
                <a href="${path}" ${path === at ? html` aria-current="page"` : null}>${text}</a>
              </li>`,
          )}
      </ul>
    </nav>
    <div class="who">
      <p>${name ?? actor.id}</p>
      <form method="post" action="/logout">
        ${hidden('_csrf', frame.csrf)}<button type="submit">Log out</button>
      </form>
    </div>`;
}

/** What was done. */
export function told(text: string): Html {
  return html`<div class="told" role="status"><p>${text}</p></div>`;
}

/** What was not done, and why. */
export function alert(heading: string, body: HtmlPart): Html {
  return html`<div class="alert" role="alert">
    <h2>${heading}</h2>
    ${body}
  </div>`;
}
