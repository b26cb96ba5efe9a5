/**
 * Requests and grants on the terminal: one as lines of words, many as a table.
 */
import type { GrantAnswer, RequestAnswer } from '../approvals/http/answer-schemas.ts';
import { durationWords, grantWords, requestWords } from '../approvals/request-words.ts';
import type { WordLine } from '../approvals/request-words.ts';
import { print, styled, table } from './terminal.ts';

export function showRequest(request: RequestAnswer): void {
  print(styled('bold', `Request ${request.id}`));
  showLines(requestWords(request));
}

export function showGrant(grant: GrantAnswer): void {
  print(styled('bold', `Grant ${grant.id}`));
  showLines(grantWords(grant));
}

export function showRequests(requests: readonly RequestAnswer[]): void {
  if (requests.length === 0) return print('No requests that you may see.');
  const rows = requests.map((request) => [
    request.id,
    request.state,
    request.requester,
    request.scope?.topic ?? `policy ${request.policy?.audience ?? ''}`,
    request.scope?.fields.map(({ path }) => path).join(' ') ?? request.policy?.opens.join('; ') ?? '',
    request.scope ? durationWords(request.scope.durationMinutes) : '-',
    request.scope?.maxRecords ?? '-',
    request.mayDecide ? 'you may decide' : '',
  ]);
  const head = ['request', 'state', 'by', 'topic', 'fields', 'for', 'records', ''];
  for (const line of table(head, rows)) print(line);
}

export function showGrants(grants: readonly GrantAnswer[]): void {
  if (grants.length === 0) return print('No grants that you may see.');
  const rows = grants.map((grant) => [
    grant.id,
    grant.state,
    grant.scope.beneficiary,
    grant.scope.topic,
    grant.scope.fields.map(({ path }) => path).join(' '),
    grant.notAfter ?? '-',
    grant.review.state === 'NONE' ? '' : grant.review.state,
  ]);
  for (const line of table(['grant', 'state', 'for', 'topic', 'fields', 'until', 'review'], rows))
    print(line);
}

function showLines(lines: readonly WordLine[]): void {
  const width = Math.max(...lines.map(([head]) => head.length));
  for (const [head, text] of lines) print(`  ${styled('dim', head.padEnd(width))}  ${text}`);
}
