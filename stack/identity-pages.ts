/**
 * The pages of the local identity provider: log-in, code of a device, end, error. Plain HTML without anything from
 * elsewhere and without scripts. Whatever is put into a page is escaped here.
 */

/** Sent with every page; nothing is loaded, run or framed. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
};

const STYLE =
  'body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem}' +
  'label{display:block;margin-top:1rem}input{font:inherit;width:100%;padding:.4rem;box-sizing:border-box}' +
  'button{font:inherit;margin-top:1.5rem;padding:.4rem 1.2rem}code{font-size:1.4rem}[role=alert]{color:#a00000}';

/** Text as HTML shows it. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A whole page; `title` is escaped, `body` is HTML. */
export function page(title: string, body: string): string {
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>` +
    `<meta name="viewport" content="width=device-width,initial-scale=1"><style>${STYLE}</style></head>` +
    `<body><main><h1>${escaped(title)}</h1>${body}</main></body></html>`
  );
}

/** Asks for name and password. */
export function logInPage(action: string, wasWrong: boolean): string {
  return page(
    'Log in to the synthetic hospital',
    (wasWrong ? '<p role="alert">Name or password is wrong.</p>' : '') +
      `<form method="post" action="${escaped(action)}">` +
      '<label for="login">Name</label><input id="login" name="login" autocomplete="username" required autofocus>' +
      '<label for="password">Password</label>' +
      '<input id="password" name="password" type="password" autocomplete="current-password" required>' +
      '<button type="submit">Log in</button></form>' +
      '<p>Names and passwords are those that the local stack printed at its start.</p>',
  );
}

/** Asks for the code that a terminal shows; `form` is the provider's own. */
export function codePage(form: string, wasWrong: boolean): string {
  return page(
    'Log in on a device',
    (wasWrong
      ? '<p role="alert">This code is not known, or no longer.</p>'
      : '<p>The code that the device shows:</p>') +
      `${form}<button type="submit" form="op.deviceInputForm">Continue</button>`,
  );
}

/** Asks whether the code is the one that the terminal shows. */
export function confirmPage(form: string, client: string, code: string): string {
  return page(
    'Is this the code that you see?',
    `<p>${escaped(client)} shows <code>${escaped(code)}</code></p><p>If it does not, somebody else has sent you here.</p>` +
      `${form}<button type="submit" form="op.deviceConfirmForm">Yes, log in</button> ` +
      '<button type="submit" form="op.deviceConfirmForm" name="abort" value="yes">No</button>',
  );
}
