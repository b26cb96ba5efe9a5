/**
 * What a preview says of a request; schemas come from a registry of this test, the index is played.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Preview } from '../../approvals/preview.ts';
import type { PreviewOptions } from '../../approvals/preview.ts';
import type { SubjectCounts } from '../../approvals/subject-index.ts';
import { revealedFields } from '../../approvals/submission.ts';
import { topicView } from '../../approvals/topic-view.ts';
import type { TopicView } from '../../approvals/topic-view.ts';
import type { AccessEventFacts } from '../../audit/access-events.ts';
import { GauzeError } from '../../platform/errors.ts';
import { PolicyState } from '../../policy/policy-log.ts';
import { RegistryClient } from '../../schemas/registry-client.ts';
import { ANA, BEN, TestLog, bodyOf, scopeOf } from './access-fixture.ts';

const TOPIC = 'clinical.encounters';
const file = (path: string): URL => new URL(`../../${path}`, import.meta.url);

let registryServer: Server;
let registry: RegistryClient;
let policies: PolicyState;
let view: TopicView;

beforeAll(async () => {
  const schema = await readFile(file('schemas/clinical/encounter.avsc'), 'utf8');
  registryServer = createServer(({ url = '' }, response) => {
    response.setHeader('content-type', 'application/json');
    if (url.startsWith(`/subjects/${TOPIC}-value/versions/1`))
      response.end(JSON.stringify({ id: 7, schema }));
    else if (url.startsWith(`/subjects/${TOPIC}-value/versions`)) response.end('[1]');
    else response.writeHead(404).end('{"error_code":40401}');
  });
  await new Promise<void>((resolve) => registryServer.listen(0, '127.0.0.1', resolve));
  registry = new RegistryClient({
    url: `http://127.0.0.1:${(registryServer.address() as AddressInfo).port}`,
  });
  const text = await readFile(file('examples/hospital/policies/research.yaml'), 'utf8');
  const sha256 = createHash('sha256').update(text).digest();
  policies = new PolicyState();
  policies.fold(0, {
    kind: 'POLICY_APPLIED',
    at: 0,
    by: 'User:admin',
    policy: { audience: 'research', version: 3, sha256, as_of: 20_000, text },
    tags: null,
    lane: null,
    resume: null,
  });
  view = await topicView({ registry, siteTags: new Map(), policies }, TOPIC, 'research');
});

afterAll(() => {
  registryServer.close();
});

const COUNTS: SubjectCounts = {
  records: 180,
  persons: 30,
  withoutPerson: 4,
  named: { records: 12, persons: 1 },
  coveredOffsets: 180,
  otherKeyEpochs: false,
};

interface Played {
  readonly counts?: Partial<SubjectCounts>;
  readonly record?: PreviewOptions['record'];
}

function previewOf({ counts, record }: Played, events: AccessEventFacts[] = []): Preview {
  return new Preview({
    registry,
    siteTags: new Map(),
    policies: () => policies,
    index: { count: async () => ({ ...COUNTS, ...counts }) },
    samples: { latest: async () => [{ partition: 0, offset: 7, json: '{"masked":true}' }] },
    record: record ?? (async (event) => void events.push(event)),
    owners: { 'User:research-app': 'ben' },
  });
}

/** 180 offsets, two persons named, at most 100 records and 10 persons. */
function pending(given: Parameters<typeof scopeOf>[0] = {}) {
  const log = new TestLog();
  const scope = scopeOf({ fields: [{ path: 'patientId', tags: ['PHI_ID'] }], ...given });
  return log.request(log.pending(bodyOf(scope)));
}

describe('a preview', () => {
  test('says how much it is and what would do as well', async () => {
    const answer = await previewOf({}).of(BEN, pending(), false);
    expect(answer).toMatchObject({
      records: { inRange: 180, indexed: 180, ofNamedPersons: 12, atMost: 12 },
      persons: { indexed: 30, withoutPerson: 4, named: 2, namedFound: 1, atMost: 2 },
      index: { complete: true },
      sample: null,
    });
    expect(answer.narrower.map(({ change, to }) => [change, to])).toEqual([
      ['maxRecords', 12],
      ['maxPersons', 1],
      ['persons', 1],
    ]);
  });

  test('says in words what is revealed, what the audience has instead, and how much stays masked', async () => {
    const answer = await previewOf({}).of(BEN, pending(), false);
    expect(answer.reveals).toEqual([
      {
        path: 'patientId',
        tags: ['PHI_ID'],
        says: 'Any other unique number, characteristic or code: patient, encounter, order id.',
        instead: 'a pseudonym',
      },
    ]);
    const masked = [...view.leaves.values()].filter(({ isClear }) => !isClear).length;
    expect(answer.staysMasked).toBe(masked - 1);
  });

  test.each([
    ['an index that has not got there yet', { coveredOffsets: 90 }],
    ['tokens of another key epoch', { otherKeyEpochs: true }],
  ])('counts nobody out on the strength of %s', async (_what, counts) => {
    const answer = await previewOf({ counts }).of(BEN, pending({ max_records: 500 }), false);
    expect(answer.index.complete).toBe(false);
    expect(answer.records.atMost).toBe(180);
    expect(answer.narrower.map(({ change, to }) => [change, to])).toEqual([['maxRecords', 180]]);
  });

  test('is on record before it is given, with the places of the sample, and not given where it cannot be', async () => {
    const events: AccessEventFacts[] = [];
    const request = pending();
    const answer = await previewOf({}, events).of(BEN, request, true);
    expect(answer.sample).toHaveLength(1);
    expect(events).toMatchObject([
      {
        type: 'request.previewed',
        actor: BEN,
        action: 'R',
        requestId: request.id,
        ext: { sample: '1', sample_places: '0:7' },
      },
    ]);
    const record = async (): Promise<void> => {
      throw new GauzeError('ERR_ACCESS_LOG_UNAVAILABLE', {});
    };
    await expect(previewOf({ record }).of(BEN, request, true)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_ACCESS_LOG_UNAVAILABLE' }),
    );
  });

  test('shows no sample to people whose principals do not read the audience', async () => {
    await expect(previewOf({}).of(ANA, pending(), true)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_ACCESS_SAMPLE_READER' }),
    );
  });
});

describe('fields asked for', () => {
  const paths = (...words: string[]) => revealedFields(view, words, new Map()).map(({ path }) => path);
  const refusal =
    (...words: string[]) =>
    () =>
      paths(...words);

  test('are all leaves below a path, or all that have a tag, without what the audience sees anyway', () => {
    expect(paths('period')).toEqual(['period.start', 'period.end']);
    expect(paths('PHI_ID')).toContain('patientId');
    expect(paths('patientId', 'status')).toEqual(['patientId']);
    expect(paths('patientId', 'PHI_ID').filter((path) => path === 'patientId')).toHaveLength(1);
  });

  test('have every tag in force, for the approvers to see and for the grant to hold to', () => {
    for (const { path, tags } of revealedFields(view, ['$'], new Map()))
      expect(tags).toEqual(view.leaves.get(path)?.tags);
  });

  test('are refused where there is none, or nothing would be gained', () => {
    expect(refusal('patientId', 'shoeSize')).toThrow(
      expect.objectContaining({ code: 'ERR_ACCESS_FIELD_UNKNOWN', context: { setting: 'fields[1]' } }),
    );
    expect(refusal('PHI_SSN')).toThrow(expect.objectContaining({ code: 'ERR_ACCESS_FIELD_UNKNOWN' }));
    expect(refusal('status', 'PHI_AGE')).toThrow(
      expect.objectContaining({ code: 'ERR_ACCESS_NOTHING_TO_REVEAL' }),
    );
  });

  test('may be named by the words of the site', () => {
    const words = new Map([['PATIENT', 'PHI_ID' as const]]);
    expect(revealedFields(view, ['PATIENT'], words).map(({ path }) => path)).toContain('patientId');
  });
});
