/**
 * The settings of gauze.yaml that raw access by approval needs: who people are, what they may do, where they are
 * asked and told. No secret stands in any of them: secrets are files that they name.
 */
import { z } from 'zod';
import { NOWHERE, described, file, group, text, url, wholeNumber } from './config-setting-kinds.ts';

/** Queue and sessions; nothing that decides a grant. */
export const redis = group(
  {
    url: described(z.string().regex(/^rediss?:\/\/\S+$/), {
      doc: 'Redis of the approval queue and of the sessions of the pages; a password only by `${ENV}` or `passwordFile`.',
      expected: 'an address that begins with redis or rediss',
      standIn: `redis://${NOWHERE}`,
    }),
    passwordFile: file('File that holds the password and nothing else.').optional(),
  },
  'For the approval service. Losing it loses no decision and no grant.',
).optional();

export const oidc = group(
  {
    issuer: url('http or https', 'Issuer of the access tokens; http only on this machine.'),
    audience: text('a word', 'Audience that a token must name.'),
    groupsClaim: described(z.string().min(1).default('groups'), {
      doc: 'Claim of the access token that lists the groups of a person.',
      expected: 'a word',
    }),
    idClaim: described(z.string().min(1).default('sub'), {
      doc: 'Claim of the access token that tells people apart; it must never pass from one person to another.',
      expected: 'a word',
    }),
    cliClientId: described(z.string().min(1).default('gauze-cli'), {
      doc: 'Public client of `gauze login`, with the device authorization grant.',
      expected: 'a word',
    }),
    pagesClientId: described(z.string().min(1).default('gauze-pages'), {
      doc: 'Client of the pages, with authorization code and PKCE; its redirect address is `http.publicUrl` with `/callback`.',
      expected: 'a word',
    }),
    pagesClientSecretFile: file(
      'File that holds the secret of that client; without it the client is public.',
    ).optional(),
    scope: text(
      'words with blanks between them',
      'Scope asked for at log-in; what makes the provider issue tokens for `oidc.audience`, and a refresh token.',
    ).default('openid offline_access'),
  },
  'Who people are: the identity provider (OpenID Connect). For approvals.',
).optional();

export const http = group(
  {
    host: described(z.string().min(1).default('127.0.0.1'), {
      doc: 'Address to listen on.',
      expected: 'a host name or address',
    }),
    port: wholeNumber({ min: 0, max: 65_535, default: 8_088 }, 'Port to listen on; 0 takes a free one.'),
    tls: group(
      {
        certFile: file('Certificate, PEM, with those that lead to the authority.'),
        keyFile: file('Key of that certificate, PEM.'),
      },
      'TLS by gauze itself; without it something before it must do it, unless the address is of this machine.',
    ).optional(),
    requestsPerPerson: wholeNumber(
      { min: 1, max: 1_000_000, default: 300 },
      'Requests of one person that are answered in a minute.',
      'per minute',
    ),
    requestsPerAddress: wholeNumber(
      { min: 1, max: 1_000_000, default: 1_200 },
      'Requests from one network address that are answered in a minute, whoever asks.',
      'per minute',
    ),
    publicUrl: url(
      'http or https',
      'Address under which people and commands reach the API and the pages; without it that of host and port.',
    ).optional(),
    trustedProxies: described(z.array(z.string().regex(/^[0-9a-fA-F.:]+(\/\d{1,3})?$/)).default([]), {
      doc: 'Addresses or networks of proxies before gauze whose X-Forwarded-For and X-Forwarded-Proto are believed; of no other.',
      expected: 'a list of addresses or networks, such as 10.0.0.0/8',
    }),
    sessionSecretFile: file(
      'File that holds the secret (32 characters or more) that signs the session cookies of the pages; the same for all instances. Without it each start makes its own, and people log in again after a restart or at another instance.',
    ).optional(),
  },
  'The API and the pages of approvals.',
).prefault({});

export const access = described(z.string().min(1), {
  doc: 'The access rules: who may ask for what, and who decides.',
  expected: 'the path of a file',
  isPath: true,
}).optional();

export const roles = described(z.record(z.string().min(1), z.array(z.string().min(1))).default({}), {
  doc: 'Roles of people, each with the groups of the identity provider that have it. `privacy-officers` lock, revoke, review and decide on policies; `operators` see the queue; the access rules name the others.',
  expected: 'a role and a list of groups on each line',
});

export const owners = described(z.record(z.string().regex(/^User:.+$/), z.string().min(1)).default({}), {
  doc: 'Kafka principals (`User:...`), each with the human who answers for it, as `oidc.idClaim` tells people apart. A machine account that logs in is `User:` and its client id.',
  expected: 'a principal `User:...` and a person on each line',
});

const addresses = z.array(z.string().regex(/^[^\s@]+@[^\s@]+$/)).min(1);

export const notifications = group(
  {
    webhook: group(
      {
        url: url('http or https', 'Where each notification is sent, as JSON without PHI.'),
        secretFile: file('File that holds the key of the signature over each notification (HMAC-SHA-256).'),
      },
      'Notifications to a program of yours.',
    ).optional(),
    mail: group(
      {
        smtp: url(
          'smtp or smtps',
          'Mail server; `smtps` speaks TLS from the start, `smtp` must offer STARTTLS unless it is of this machine.',
        ),
        username: text('a name', 'User at the mail server.').optional(),
        passwordFile: file('File that holds the password of that user.').optional(),
        from: text('a mail address', 'Sender.', /^[^\s@]+@[^\s@]+$/),
        addresses: described(z.record(z.string().min(1), addresses).default({}), {
          doc: 'Where each role is told, by role.',
          expected: 'a role and a list of mail addresses on each line',
        }),
        people: described(z.record(z.string().min(1), z.string().regex(/^[^\s@]+@[^\s@]+$/)).default({}), {
          doc: 'Where a person is told of their own requests, by the id of `oidc.idClaim`; others look at the pages.',
          expected: 'a person and a mail address on each line',
        }),
      },
      'Notifications by mail.',
    ).optional(),
  },
  'Who is told of requests and decisions. Without it nobody is; the pages show all the same.',
).prefault({});
