/**
 * `gauze request`, `requests`, `approve`, `deny`, `withdraw`, `grants`, `revoke`, `review`: access by the API, as the
 * person who has logged in. Before a decision it says in words what the decision means; what is signed is the hash of
 * exactly what was shown.
 */
import { GauzeError } from '../platform/errors.ts';
import type { GrantAnswer, RequestAnswer } from '../approvals/http/answer-schemas.ts';
import { AccessClient, apiUrl } from './access-client.ts';
import { showGrant, showGrants, showRequest, showRequests } from './access-views.ts';
import { accessToken } from './login-command.ts';
import { minutesOf, wholeNumberOf } from './option-values.ts';
import { Site } from './site.ts';
import { EXIT, confirmed, note, print } from './terminal.ts';

interface CommonOptions {
  readonly config: string;
  readonly json: boolean;
}

export interface RequestOptions extends CommonOptions {
  readonly fields: string;
  readonly audience: string;
  readonly purpose: string;
  readonly reason: string;
  readonly for: string;
  readonly records: string;
  readonly persons?: string;
  readonly person?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly beneficiary?: string;
  readonly ticket?: string;
  readonly extends?: string;
  readonly emergency?: string;
}

export interface ReasonOptions extends CommonOptions {
  readonly reason: string;
}

export interface ApproveOptions extends ReasonOptions {
  readonly yes: boolean;
  readonly fields?: string;
  readonly for?: string;
  readonly records?: string;
  readonly persons?: string;
}

export interface ReviewOptions extends ReasonOptions {
  readonly justified: boolean;
  readonly unjustified: boolean;
}

/** Asks; with `--emergency` breaks the glass. */
export async function requestCommand(topic: string, options: RequestOptions): Promise<number> {
  const client = await clientOf(options);
  const body = {
    topic,
    fields: words(options.fields),
    baseAudience: options.audience,
    beneficiary: options.beneficiary ?? (await ownPrincipal(client)),
    purpose: options.purpose,
    reason: options.reason,
    durationMinutes: minutesOf('--for', options.for),
    maxRecords: wholeNumberOf('--records', options.records),
    ...(options.persons ? { maxPersons: wholeNumberOf('--persons', options.persons) } : {}),
    ...(options.person && options.person.length > 0 ? { persons: [...options.person] } : {}),
    ...(options.from ? { from: options.from } : {}),
    ...(options.to ? { to: options.to } : {}),
    ...(options.ticket ? { ticket: options.ticket } : {}),
    ...(options.extends ? { extendsGrant: options.extends } : {}),
  };
  const asked = options.emergency
    ? await client.post<RequestAnswer>('/v1/break-glass', { ...body, emergencyCode: options.emergency })
    : await client.post<RequestAnswer>('/v1/requests', body);
  showAnswer(options, asked);
  return EXIT.ok;
}

/** All requests that the person may see, or one with its history. */
export async function requestsCommand(
  id: string | undefined,
  options: CommonOptions & { readonly state?: string },
): Promise<number> {
  const client = await clientOf(options);
  if (id !== undefined) {
    showAnswer(options, await client.get<RequestAnswer>(`/v1/requests/${encodeURIComponent(id)}`));
    return EXIT.ok;
  }
  const state = options.state ? `?state=${encodeURIComponent(options.state.toUpperCase())}` : '';
  const { requests } = await client.get<{ requests: RequestAnswer[] }>(`/v1/requests${state}`);
  if (options.json) print(JSON.stringify({ requests }));
  else showRequests(requests);
  return EXIT.ok;
}

/** Shows what it means, asks for a yes, and signs what was shown. */
export async function approveCommand(id: string, options: ApproveOptions): Promise<number> {
  const client = await clientOf(options);
  const request = await client.get<RequestAnswer>(`/v1/requests/${encodeURIComponent(id)}`);
  if (!options.json) showRequest(request);
  const narrow = {
    ...(options.fields ? { fields: words(options.fields) } : {}),
    ...(options.for ? { durationMinutes: minutesOf('--for', options.for) } : {}),
    ...(options.records ? { maxRecords: wholeNumberOf('--records', options.records) } : {}),
    ...(options.persons ? { maxPersons: wholeNumberOf('--persons', options.persons) } : {}),
  };
  const narrows = Object.keys(narrow).length > 0;
  if (narrows)
    note(
      `You narrow it to: ${Object.entries(narrow)
        .map(([k, v]) => `${k} ${String(v)}`)
        .join(', ')}.`,
    );
  if (!options.yes && !(await confirmed('Approve exactly this? [y/N] ', '--yes'))) {
    note('Nothing was decided.');
    return EXIT.problems;
  }
  const decided = await client.post<RequestAnswer>(`/v1/requests/${encodeURIComponent(id)}/decisions`, {
    decision: 'approve',
    scopeHash: request.scopeHash,
    reason: options.reason,
    ...(narrows ? { narrow } : {}),
  });
  showAnswer(options, decided);
  return EXIT.ok;
}

export async function denyCommand(id: string, options: ReasonOptions): Promise<number> {
  const client = await clientOf(options);
  const { scopeHash } = await client.get<RequestAnswer>(`/v1/requests/${encodeURIComponent(id)}`);
  const denied = await client.post<RequestAnswer>(`/v1/requests/${encodeURIComponent(id)}/decisions`, {
    decision: 'deny',
    scopeHash,
    reason: options.reason,
  });
  showAnswer(options, denied);
  return EXIT.ok;
}

export async function withdrawCommand(id: string, options: CommonOptions): Promise<number> {
  const client = await clientOf(options);
  showAnswer(
    options,
    await client.post<RequestAnswer>(`/v1/requests/${encodeURIComponent(id)}/withdraw`, {}),
  );
  return EXIT.ok;
}

/** All grants that the person may see, or one with its history. */
export async function grantsCommand(id: string | undefined, options: CommonOptions): Promise<number> {
  const client = await clientOf(options);
  if (id !== undefined) {
    const grant = await client.get<GrantAnswer>(`/v1/grants/${encodeURIComponent(id)}`);
    if (options.json) print(JSON.stringify(grant));
    else showGrant(grant);
    return EXIT.ok;
  }
  const { grants } = await client.get<{ grants: GrantAnswer[] }>('/v1/grants');
  if (options.json) print(JSON.stringify({ grants }));
  else showGrants(grants);
  return EXIT.ok;
}

export async function revokeCommand(id: string, options: ReasonOptions): Promise<number> {
  const client = await clientOf(options);
  const grant = await client.post<GrantAnswer>(`/v1/grants/${encodeURIComponent(id)}/revoke`, {
    reason: options.reason,
  });
  if (options.json) print(JSON.stringify(grant));
  else showGrant(grant);
  return EXIT.ok;
}

/** The verdict on a use of break-glass. */
export async function reviewCommand(id: string, options: ReviewOptions): Promise<number> {
  if (options.justified === options.unjustified) {
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: '--justified',
      expected: 'given, or --unjustified, and not both',
    });
  }
  const client = await clientOf(options);
  const { justified, reason } = options;
  const grant = await client.post<GrantAnswer>(`/v1/grants/${encodeURIComponent(id)}/review`, {
    justified,
    reason,
  });
  if (options.json) print(JSON.stringify(grant));
  else showGrant(grant);
  return EXIT.ok;
}

async function clientOf(options: CommonOptions): Promise<AccessClient> {
  const site = await Site.load(options.config);
  return new AccessClient(apiUrl(site), await accessToken(site));
}

function showAnswer(options: CommonOptions, request: RequestAnswer): void {
  if (options.json) print(JSON.stringify(request));
  else showRequest(request);
}

/** The one principal that the person answers for; with several, they must say which. */
async function ownPrincipal(client: AccessClient): Promise<string> {
  const { principals } = await client.get<{ principals: string[] }>('/v1/me');
  const [only] = principals;
  if (principals.length === 1 && only !== undefined) return only;
  throw new GauzeError('ERR_USAGE_ARGUMENT', {
    setting: '--beneficiary',
    expected: principals.length === 0 ? 'a Kafka principal User:...' : `one of ${principals.join(', ')}`,
  });
}

function words(list: string): string[] {
  return list
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
