/**
 * A site that is asked who saw whom, beside what a count of every raw record and every event says: shared by the quick
 * test and the one with two hundred patients. People whom the test merges are kept as groups here, apart from the
 * product's reading of its file.
 */
import { spawn } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';
import { AuditIndex } from '../../audit/query/audit-index.ts';
import { refreshIndex } from '../../audit/query/index-build.ts';
import { patientTokens } from '../../audit/query/patient.ts';
import { whoSaw } from '../../audit/query/who-saw.ts';
import type { WhoSawAnswer } from '../../audit/query/who-saw.ts';
import { generateHospital } from '../../examples/hospital/hospital.ts';
import { Cluster } from '../../kafka/cluster.ts';
import { parseAddress } from '../../kafka/login.ts';
import { loadKeyring } from '../../keys/keyring.ts';
import { loadPersonAliases } from '../../keys/person-aliases.ts';
import { auditedEvents } from './audit-oracle.ts';
import type { AuditedEvent } from './audit-oracle.ts';
import { expectedTokens } from './index-oracle.ts';
import type { ExpectedToken } from './index-oracle.ts';
import { sightingsByPerson } from './sightings-oracle.ts';
import { loginOf, testStack } from './stack.ts';
import type { TestSite } from './test-site.ts';
import { dumpTopics } from './topic-dump.ts';

const GAUZE = fileURLToPath(new URL('../../cli/gauze.ts', import.meta.url));
const MERGES = 'merges.csv';
/** Lines of a config that names the file of merges. */
export const MERGES_CONFIG = `persons: { aliasFile: ${MERGES} }`;

export interface Truth {
  readonly records: readonly ExpectedToken[];
  readonly events: readonly AuditedEvent[];
  readonly sightings: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface Comparison {
  readonly persons: number;
  readonly deliveries: number;
  /** Ids that are one person with another. */
  readonly merged: number;
}

/** The different people of a generated hospital, in order. */
export function patientsOf(seed: number, patients: number): readonly string[] {
  const ids = new Set<string>();
  for (const { value } of generateHospital({ patients, seed })) {
    const { patientId } = value as { readonly patientId?: unknown };
    if (typeof patientId === 'string') ids.add(patientId);
  }
  return [...ids];
}

/** What an answer says, as `event raw/partition offset`. */
export function flat({ viewers }: Pick<WhoSawAnswer, 'viewers'>): ReadonlySet<string> {
  return new Set(
    viewers.flatMap(({ sightings }) =>
      sightings.flatMap(({ event, topic, partition, offsets }) =>
        offsets.map((offset) => `${event.partition}/${event.offset} ${topic}/${partition} ${offset}`),
      ),
    ),
  );
}

export class WhoSawScene {
  readonly site: TestSite;
  private readonly groups = new Map<string, readonly string[]>();

  constructor(site: TestSite) {
    this.site = site;
  }

  get mergesFile(): string {
    return join(this.site.directory, MERGES);
  }

  /** Writes the merges that make each group one person: each id into the one before it. */
  async merge(groups: readonly (readonly string[])[]): Promise<void> {
    for (const group of groups) for (const id of group) this.groups.set(id, group);
    const rows = groups.flatMap((group) =>
      group.slice(1).map((merged, i) => `${merged},${group[i]!},2026-01-0${i + 1}`),
    );
    await writeFile(this.mergesFile, ['merged,into,since', ...rows, ''].join('\n'), { mode: 0o600 });
  }

  async truth(): Promise<Truth> {
    const { site } = this;
    const raw = site.topics.map((topic) => site.raw(topic));
    const dump = await dumpTopics([...raw, site.names.auditEvents]);
    const events = auditedEvents(dump.filter(({ topic }) => topic === site.names.auditEvents));
    const records = await expectedTokens({
      keyringFile: site.keyringFile,
      raw: dump.filter(({ topic }) => raw.includes(topic)),
      subjects: [],
      events,
    });
    return { records, events, sightings: sightingsByPerson(records, events) };
  }

  /** The index of the site brought up to date, with the auditor's log-in. */
  async withIndex<T>(file: string, work: (index: AuditIndex) => T): Promise<T> {
    const brokers = testStack().brokers.map((text) => parseAddress(text)!);
    const cluster = new Cluster({ brokers, ssl: false, login: loginOf('gauze-auditor'), role: 'auditor' });
    await cluster.start();
    const { names } = this.site;
    const index = AuditIndex.open(file, { clusterId: cluster.clusterId, prefix: names.prefix });
    try {
      await refreshIndex(index, cluster, names);
      return work(index);
    } finally {
      index.close();
      await cluster.close();
    }
  }

  /** A question as the product asks it. */
  async asker(): Promise<(index: AuditIndex, person: string) => WhoSawAnswer> {
    const keyring = await loadKeyring(this.site.keyringFile);
    const aliases = await loadPersonAliases(this.mergesFile);
    return (index, person) => whoSaw(index, patientTokens(keyring, person, aliases));
  }

  /** What must be answered about a person, under any of their ids. */
  wanted({ sightings }: Truth, person: string): ReadonlySet<string> {
    const ids = this.groups.get(person) ?? [person];
    return new Set(ids.flatMap((id) => [...(sightings.get(id) ?? [])]));
  }

  /** Compares for every person who is in the raw topics. */
  async compareAll(file: string): Promise<Comparison> {
    const truth = await this.truth();
    const ask = await this.asker();
    let deliveries = 0;
    let merged = 0;
    await this.withIndex(file, (index) => {
      for (const person of truth.sightings.keys()) {
        const answer = ask(index, person);
        const wanted = this.wanted(truth, person);
        expect([...flat(answer)].sort()).toEqual([...wanted].sort());
        expect(answer.viewers.every(({ isCertain }) => isCertain)).toBe(true);
        expect(answer.ids).toBe(this.groups.get(person)?.length ?? 1);
        deliveries += wanted.size;
        merged += answer.ids > 1 ? 1 : 0;
      }
      expect(ask(index, 'nobody-of-that-id').viewers).toEqual([]);
    });
    return { persons: truth.sightings.size, deliveries, merged };
  }

  /** An indexer that is killed as soon as its file has anything in it. */
  async killedIndexer(file: string): Promise<void> {
    const config = ['--config', join(this.site.directory, 'gauze.yaml')];
    const child = spawn(process.execPath, [GAUZE, 'audit', 'index', '--index', file, ...config], {
      stdio: 'ignore',
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const hasRows = async (): Promise<boolean> =>
      ((await stat(`${file}-wal`).catch(() => null))?.size ?? 0) > 200_000;
    while (child.exitCode === null && !(await hasRows()));
    child.kill('SIGKILL');
    await ended;
  }
}
