/**
 * What auditors may ask and who may not, through the real server, desk and clerk, on an index in memory: the record of a
 * question comes before its answer, and without it there is none.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemEvent } from '../../audit/audit-chain.ts';
import { AuditIndex } from '../../audit/query/audit-index.ts';
import { IndexRows } from '../../audit/query/index-rows.ts';
import type { AskedQuestion, Asker } from '../../audit/query/question-record.ts';
import { answerOnRecord } from '../../approvals/audit-clerk.ts';
import type { AuditAsking } from '../../approvals/audit-desk.ts';
import type { AuditAnswer } from '../../approvals/audit-question.ts';
import { AuditRoom } from '../../approvals/audit-room.ts';
import type { AuditStatus } from '../../approvals/audit-status.ts';
import { NOTHING_KNOWN } from '../../approvals/audit-status.ts';
import { answerView } from '../../approvals/pages/audit-answer-view.ts';
import { QUESTION_FORMS } from '../../approvals/pages/audit-forms.ts';
import { statusView } from '../../approvals/pages/audit-status-view.ts';
import { createKeyringFile, loadKeyring } from '../../keys/keyring.ts';
import { NO_ALIASES } from '../../keys/person-aliases.ts';
import { tokenOf } from '../../keys/subject-tokens.ts';
import type { Keyring } from '../../keys/keyring.ts';
import { GauzeError, GauzeErrors } from '../../platform/errors.ts';
import { createLogger } from '../../platform/log.ts';
import type { AccessActor } from '../../schemas/access-codecs.ts';
import { OffsetDistances } from '../../schemas/subject-offsets.ts';
import { eventually } from '../support/stack.ts';
import { ANA, DORA, human } from './access-fixture.ts';
import { TestApi } from './api-fixture.ts';

const PATIENT = 'PAT-CANARY-7';
const FAY = human('fay', 'auditors');
/** Acts for somebody else. */
const GUS: AccessActor = { ...human('gus', 'auditors'), on_behalf_of: 'fay' };
const BODIES: Readonly<Record<string, object>> = {
  'who-saw': { patient: PATIENT },
  exports: { day: '2026-06-12' },
  principal: { principal: 'User:reader' },
  grant: { grant: '0123456789abcdef' },
  'overdue-grants': {},
  'double-approvals': {},
  cutoffs: {},
  disclosures: { patient: PATIENT, withExempt: true },
};

let folder: string;
let index: AuditIndex;
let keyring: Keyring;
let api: TestApi;
/** What came to pass, in order. */
let order: string[];
let recorded: { asker: Asker; questions: readonly AskedQuestion[] }[];
let isRecordGone: boolean;

/** A room without a thread, on what the test has put into the index. */
function room(): AuditAsking {
  return {
    status: NOTHING_KNOWN,
    ask: async (question, asker) =>
      await answerOnRecord(
        {
          upToDate: async () => {
            order.push('index');
            return await Promise.resolve(index);
          },
          sources: {
            keyring,
            aliases: async () => await Promise.resolve(NO_ALIASES),
            seals: async () => await Promise.resolve(null),
            source: () => {
              throw new GauzeError('ERR_INTERNAL', {});
            },
            eventsTopic: 'gauze.audit.events',
            trust: async () => await Promise.resolve(null),
            recipientsFile: null,
            holdsFile: null,
          },
          record: async (who, questions) => {
            order.push('record');
            if (isRecordGone) throw new GauzeError('ERR_KAFKA_CONNECTION_LOST', {});
            recorded.push({ asker: who, questions });
            await Promise.resolve();
          },
        },
        question,
        { ...asker, principal: 'User:gauze-auditor' },
      ),
  };
}

/** `count` deliveries of one record each about the patient, each to an audience of its own. */
function delivered(count: number, recipient = (i: number): string => `reader-${i}`): void {
  const rows = new IndexRows(index);
  const topicId = Buffer.alloc(16, 7);
  const token = tokenOf(keyring.subjectTokens(), PATIENT);
  for (let i = 0; i < count; i++) {
    const distances = new OffsetDistances();
    distances.add(i);
    const place = { topic: 'raw', partition: 0, first_offset: i, next_offset: i + 1 };
    const facts = { key_epoch: 1, offsets: distances.encode(i), tokens: token, record_count: 1 };
    rows.subjects({ partition: 0, offset: i }, { ...place, ...facts, topic_id: topicId.toString('hex') });
    rows.event({ partition: 1, offset: i }, Date.now(), {
      ...systemEvent('session.batch', { id: 'User:gauze-topology', role: 'topology' }, []),
      event_id: Buffer.alloc(16),
      recorded_at: 0,
      writer_id: 'w',
      chain_id: Buffer.alloc(16),
      seq: i,
      prev_hash: Buffer.alloc(32),
      key_epoch: 0,
      sig: null,
      accounting: 'REQUIRED',
      recipient: { id: recipient(i), name: null, address: null },
      range: {
        ...place,
        cluster_id: 'c',
        topic_id: topicId,
        record_count: 1,
        delivered_count: 1,
        delivered: null,
        bytes: 1,
        records_sha256: null,
      },
      view: { masked: true, fields_clear: ['status'], data_classes: [], schema_fp: null, output_topic: 'o' },
    });
  }
  rows.flush();
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gauze-audit-desk-'));
  const file = join(folder, 'keyring.json');
  await createKeyringFile(file, ['research']);
  keyring = await loadKeyring(file);
  index = AuditIndex.open(':memory:', { clusterId: 'c', prefix: 'gauze' });
  order = [];
  recorded = [];
  isRecordGone = false;
  api = await TestApi.make({ audit: room() });
});

afterEach(async () => {
  await api.server.close();
  index.close();
  await rm(folder, { recursive: true, force: true });
});

describe('questions to the audit topics', () => {
  test('are for auditors in their own name, whatever the body says, and each refusal is on record', async () => {
    const paths = [...Object.keys(BODIES), 'event'];
    for (const name of paths) {
      for (const [by, code] of [
        [ANA, 'ERR_AUDIT_ROLE'],
        [DORA, 'ERR_AUDIT_ROLE'],
        [GUS, 'ERR_ACCESS_DELEGATE'],
      ] as const) {
        for (const body of [BODIES[name] ?? {}, { nonsense: PATIENT }]) {
          const answer = await api.send(by, 'POST', `/v1/audit/${name}`, body);
          expect([name, answer.status, answer.body['code']]).toEqual([name, 403, code]);
        }
      }
      expect((await api.send(null, 'POST', `/v1/audit/${name}`, BODIES[name])).status).toBe(401);
    }
    expect((await api.send(ANA, 'GET', '/v1/audit/status')).status).toBe(403);
    expect(api.types().filter((type) => type === 'audit.refused')).toHaveLength(6 * paths.length + 1);
    expect([order, recorded]).toEqual([[], []]);
    expect(JSON.stringify([api.events, api.logged])).not.toContain('CANARY');
  });

  test('are answered after they are on record, under the name of who asks and without the id', async () => {
    delivered(2);
    for (const [name, body] of Object.entries(BODIES)) {
      order = [];
      recorded = [];
      const answer = await api.send(FAY, 'POST', `/v1/audit/${name}`, body);
      expect([name, answer.status, order]).toEqual([name, 200, ['index', 'record']]);
      expect(recorded).toMatchObject([
        { asker: { id: 'fay', isPerson: true, roles: ['auditors'] }, questions: [{ name }] },
      ]);
      expect(JSON.stringify([recorded, answer.text, api.logged])).not.toContain('CANARY');
    }
    const { body } = await api.send(FAY, 'POST', '/v1/audit/who-saw', { patient: PATIENT, events: true });
    expect(body).toMatchObject({ records: 2, viewers: [{ name: 'topology' }, {}], sightings: [{}, {}] });
  });

  test('get no answer where they cannot be put on record', async () => {
    delivered(2);
    isRecordGone = true;
    for (const [name, body] of Object.entries(BODIES)) {
      const answer = await api.send(FAY, 'POST', `/v1/audit/${name}`, body);
      expect([name, answer.status, answer.body['code']]).toEqual([name, 503, 'ERR_KAFKA_CONNECTION_LOST']);
      expect(answer.text).not.toContain('reader-');
    }
  });

  test('are answered in pages, each line once, with how many there are', async () => {
    delivered(7);
    const seen: string[] = [];
    for (let skip = 0; skip < 7; skip += 3) {
      const { body } = await api.send(FAY, 'POST', '/v1/audit/who-saw', { patient: PATIENT, skip, limit: 3 });
      expect(body['page']).toEqual({ skip, limit: 3, total: 7 });
      seen.push(...(body['viewers'] as { recipient: string }[]).map(({ recipient }) => recipient));
    }
    expect(seen.toSorted()).toEqual(Array.from({ length: 7 }, (_, i) => `reader-${i}`));
    expect(recorded).toHaveLength(3);
  });

  test('take no patient in an address, and no member that nobody reads', async () => {
    for (const path of ['who-saw', 'disclosures']) {
      expect((await api.send(FAY, 'GET', `/v1/audit/${path}?patient=${PATIENT}`)).status).toBe(405);
      const more = { patient: PATIENT, more: 1 };
      expect((await api.send(FAY, 'POST', `/v1/audit/${path}`, more)).status).toBe(400);
    }
    expect(JSON.stringify([recorded, api.events, api.logged])).not.toContain('CANARY');
  });

  test('wait for a log-in of the auditor where the service has none, and auditors are told', async () => {
    const without = await TestApi.make();
    const answer = await without.send(FAY, 'POST', '/v1/audit/overdue-grants', {});
    expect([answer.status, answer.body['code']]).toEqual([503, 'ERR_AUDIT_DESK_ABSENT']);
    expect((await without.send(FAY, 'GET', '/v1/audit/status')).status).toBe(503);
    expect((await without.send(FAY, 'GET', '/v1/me')).status).toBe(200);
    await without.server.close();
  });
});

describe('the account of a patient', () => {
  test('comes whole as a file, whatever lines are shown, and names the patient in that file alone', async () => {
    delivered(3);
    const asked = { ...BODIES['disclosures'], form: 'full', limit: 1 };
    const csv = await api.send(FAY, 'POST', '/v1/audit/disclosures', { ...asked, file: 'csv' });
    expect(String(csv.body['file']).trim().split('\r\n')).toHaveLength(4);
    expect((csv.body['account'] as { disclosures: object[] }).disclosures).toHaveLength(1);
    const page = await api.send(FAY, 'POST', '/v1/audit/disclosures', { ...asked, file: 'html' });
    expect(String(page.body['file'])).toContain(PATIENT);
    expect(recorded.map(({ questions }) => questions.map(({ type }) => type))).toEqual([
      ['subject.disclosure_report'],
      ['subject.disclosure_report'],
    ]);
  });
});

describe('the pages of auditors', () => {
  test('show names as text, whoever chose them', async () => {
    delivered(1, () => '<img src=x onerror=alert(1)>');
    const question = { patient: [PATIENT], events: ['yes'] };
    const answer: AuditAnswer = await room().ask(QUESTION_FORMS['who-saw']!.question(question), {
      id: 'fay',
      isPerson: true,
      roles: [],
    });
    const shown = answerView(answer).toString();
    expect(shown).toContain('&lt;img src=x');
    expect(shown).not.toMatch(/<img|CANARY/);
  });

  test.each([
    ['who-saw', { from: ['yesterday'] }, ['patient', 'from']],
    ['exports', { day: ['12.06.2026'] }, ['day']],
    ['principal', { principal: ['two words'] }, ['principal']],
    ['grant', { grant: ['g1'] }, ['grant']],
    ['event', { partition: ['-1'] }, ['partition', 'offset']],
  ] as const)('tell what the form of %s lacks, by input', (name, form, inputs) => {
    let found: readonly (string | undefined)[] = [];
    try {
      QUESTION_FORMS[name]!.question(form);
    } catch (thrown) {
      if (thrown instanceof GauzeErrors) found = thrown.errors.map(({ context }) => context.setting);
    }
    expect(found).toEqual(inputs);
  });

  test('name nobody in their titles', () => {
    for (const { title } of Object.values(QUESTION_FORMS)) expect(title).toMatch(/^[A-Za-z ]+$/);
  });

  test('say in words what was found, and what is amiss', () => {
    const counts = { TAMPERED: 1, INCOMPLETE: 0, UNSEALED: 0, STALE: 0, UNVERIFIABLE: 0, DECLARED: 0 };
    const totals = { events: 9, eventsInAll: 9, seals: 4, cosignedSeals: 3, openChains: 1, domains: 2 };
    const status: AuditStatus = {
      ...NOTHING_KNOWN,
      verification: {
        report: {
          verdict: 'broken',
          clusterId: 'c',
          origin: 'o',
          asOf: '2026-06-12T12:00:00.000Z',
          counts,
          totals: { ...totals, unsealed: 0, unsealedAgeMs: null, lastSealedAtMs: 5_000, recounted: 0 },
          sentences: ['The audit log is NOT sound.'],
          findings: [
            {
              name: 'ROOT_MISMATCH',
              class: 'TAMPERED',
              meaning: 'The events of a partition are not those that were sealed.',
              place: { topic: 't', partition: 2 },
              detail: 'root',
            },
          ],
        },
        checkpointSeals: 4,
        cosignedSeals: 3,
        quorum: 2,
        witnesses: 3,
        tookMs: 1_200,
      },
      troubles: [{ part: 'index', code: 'ERR_X', message: 'It waits.', action: 'Look.' }],
    };
    const text = statusView(status, 65_000)
      .toString()
      .replace(/<[^>]*>|\s+/g, ' ');
    for (const words of [
      'Not sound',
      'The events of a partition are not those that were sealed.',
      't/2',
      '60 s old',
      'over 4 of 4 seals',
      '2 of 3 witnesses must cosign; 3 of 4 seals are cosigned so',
      'It waits. Look.',
    ])
      expect(text.replace(/ +/g, ' ')).toContain(words);
  });
});

describe('the thread of the office', () => {
  test('tells what is amiss, refuses those who ask, and ends when it is told to', async () => {
    const logged: string[] = [];
    const log = createLogger({
      level: 'warn',
      destination: { write: (line: string) => void logged.push(line) },
    });
    const office = new AuditRoom(
      {
        endpoint: {
          brokers: [{ host: '127.0.0.1', port: 9 }],
          ssl: false,
          login: { mechanism: 'plain', username: 'u', password: 'CANARY-password' },
          role: 'auditor',
        },
        principal: 'User:u',
        prefix: 'gauze',
        schemaId: 1,
        keyringFile: join(folder, 'no-keyring.json'),
        aliasFile: null,
        folder,
        trust: null,
        witnesses: [],
        recipientsFile: null,
        holdsFile: null,
        verifyIntervalMs: 200,
      },
      log,
    );
    office.start();
    const asked = office.ask(
      { name: 'cutoffs', skip: 0, limit: 1 },
      { id: 'fay', isPerson: true, roles: [] },
    );
    await expect(asked).rejects.toMatchObject({ code: 'ERR_KEY_FILE' });
    await eventually(async () => {
      expect(office.status.troubles.map(({ part }) => part).toSorted()).toEqual(['index', 'verification']);
      await Promise.resolve();
    }, 30_000);
    await office.close();
    const late = office.ask({ name: 'cutoffs', skip: 0, limit: 1 }, { id: 'fay', isPerson: true, roles: [] });
    await expect(late).rejects.toMatchObject({ code: 'ERR_AUDIT_DESK_AWAY' });
    expect(logged.join('')).toContain('ERR_KEY_FILE');
    expect(logged.join('')).not.toContain('CANARY');
  }, 60_000);

  test('says so where it ends by itself, and leaves nobody waiting', async () => {
    const log = createLogger({ level: 'silent', destination: { write: () => undefined } });
    // Without settings it cannot even begin.
    const office = new AuditRoom(undefined as never, log);
    office.start();
    const asked = office.ask(
      { name: 'cutoffs', skip: 0, limit: 1 },
      { id: 'fay', isPerson: true, roles: [] },
    );
    await expect(asked).rejects.toMatchObject({ code: 'ERR_AUDIT_DESK_AWAY' });
    expect(office.status.troubles).toMatchObject([{ part: 'connection', code: 'ERR_AUDIT_DESK_AWAY' }]);
    await office.close();
  }, 60_000);
});
