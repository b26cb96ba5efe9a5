/**
 * The sealer and a witness, both as they run: each checkpoint is cosigned, and a witness that is away holds no seal up.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openCheckpoint } from '../../audit/checkpoint.ts';
import { formatVkey, NOTE_KEY, noteSigner } from '../../audit/signed-note.ts';
import type { NoteSigner } from '../../audit/signed-note.ts';
import { startWitnessServer } from '../../audit/witness/witness-server.ts';
import type { WitnessServer } from '../../audit/witness/witness-server.ts';
import { createWitness, WitnessState } from '../../audit/witness/witness-state.ts';
import { Witness } from '../../audit/witness/witness.ts';
import { Cluster } from '../../kafka/cluster.ts';
import { LogReader } from '../../kafka/log-reader.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import { createLogger } from '../../platform/log.ts';
import { readSealRecord } from '../../schemas/seal-codecs.ts';
import type { SealRecord } from '../../schemas/seal-codecs.ts';
import { endpointOf } from '../support/kafka-plane.ts';
import { eventually, uniqueName } from '../support/stack.ts';
import { TestSite } from '../support/test-site.ts';

const ORIGIN = `test.example.org/${uniqueName('seals')}`;

let site: TestSite;
let cluster: Cluster;
let reader: LogReader;
let state: WitnessState;
let server: WitnessServer;
let sealer: NoteSigner;
const records: SealRecord[] = [];

beforeAll(async () => {
  site = await TestSite.make({ topics: ['clinical.patients'], partitions: 1 });
  const key = (await loadKeyring(site.keyringFile)).auditWriter('sealer');
  sealer = noteSigner(ORIGIN, NOTE_KEY.ED25519, key);
  const folder = join(site.directory, 'witness');
  await createWitness(folder, 'witness.example.org/w1');
  state = await WitnessState.open(folder);
  const witness = new Witness({ state, logKeys: [sealer] });
  server = await startWitnessServer({
    witness,
    host: '127.0.0.1',
    port: 0,
    log: createLogger({ level: 'silent' }),
  });
  const witness1 = `    - { url: '${server.url}', vkey: '${formatVkey(state.signer)}' }`;
  const config = `audit:\n  origin: ${ORIGIN}\n  sealIntervalMs: 2000\n  witnesses:\n${witness1}\n`;
  const file = join(site.directory, 'gauze.yaml');
  await writeFile(file, (await readFile(file, 'utf8')).replace(/^audit:.*\n/m, config));
  await site.apply();
  cluster = new Cluster(endpointOf());
  await cluster.start();
  reader = new LogReader(cluster, site.names.auditSeals, 0);
  site.run('sealer');
}, 120_000);

afterAll(async () => {
  reader.close();
  await cluster.close();
  await site.close();
  state.close();
});

/** Waits for a record of the topic of seals, among those from `from` on. */
async function until<T>(find: (record: SealRecord) => T | null, from = 0): Promise<T> {
  return await eventually(async () => {
    await reader.read(200, ({ key, value }) => {
      records.push(readSealRecord(key, value && Buffer.from(value)));
    });
    for (const record of records.slice(from)) {
      const found = find(record);
      if (found !== null) return found;
    }
    throw new Error(`not there: ${site.lastInstance().log.slice(-1_000)}`);
  }, 40_000);
}

/** Size of a checkpoint that the witness has cosigned. */
function cosignedSize(record: SealRecord): number | null {
  if (record.kind !== 'checkpoint') return null;
  const { checkpoint, cosignatures } = openCheckpoint(record.note, ORIGIN, [sealer], [state.signer]);
  return cosignatures.length === 1 ? checkpoint.size : null;
}

test('has its checkpoints cosigned by a witness that is shown how the log grew', async () => {
  const size = await until(cosignedSize);
  const later = await until((record) => {
    const found = cosignedSize(record);
    return found !== null && found >= size + 2 ? found : null;
  });
  expect(later).toBeGreaterThanOrEqual(size + 2);
}, 120_000);

test('seals on while the witness is away, and says so', async () => {
  await server.close();
  const from = records.length;
  const seal = await until(
    (record) => (record.kind === 'seal' && record.seal.alarms.length > 0 ? record.seal : null),
    from,
  );
  expect(seal.alarms).toMatchObject([
    { code: 'WITNESS_SILENT', place: 'witness.example.org/w1', detail: 'ERR_WITNESS_UNREACHABLE' },
  ]);
  const next = await until(
    (record) => (record.kind === 'seal' && record.seal.n === seal.n + 1 ? record.seal : null),
    from,
  );
  expect((next.sealed_at - seal.sealed_at) / 1_000).toBeLessThan(10_000);
  const note = await until((record) => (record.kind === 'checkpoint' ? record.note : null), from);
  expect(openCheckpoint(note, ORIGIN, [sealer]).checkpoint.size).toBeGreaterThan(0);
}, 120_000);
