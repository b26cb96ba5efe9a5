/**
 * A site with a witness, as processes: what cases on a live log are played on, and honest runs. The topology can be run
 * with a preload that copies its session keys and moves its clock (live-preload.ts).
 */
import { spawn } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { NOTE_KEY, formatVkey, noteSigner, parseVkey } from '../../../audit/signed-note.ts';
import { makeAuditTrust } from '../../../audit/trust-maker.ts';
import type { AuditReport } from '../../../audit/verify/report.ts';
import { WitnessClient } from '../../../audit/witness/witness-client.ts';
import { createWitness } from '../../../audit/witness/witness-state.ts';
import { loadKeyring } from '../../../keys/keyring.ts';
import { eventually } from '../stack.ts';
import { RunningInstance, TestSite } from '../test-site.ts';
import type { SiteOptions, VerbResult } from '../test-site.ts';
import { publicBytes } from './plain-hashes.ts';
import type { NoteKey } from './plain-hashes.ts';
import type { StolenKeys, TamperLog } from './tamper-log.ts';
import { extOf } from './tamper-log.ts';

const GAUZE = fileURLToPath(new URL('../../../cli/gauze.ts', import.meta.url));
const PRELOAD = fileURLToPath(new URL('live-preload.ts', import.meta.url));
const WITNESS = 'witness.example.org/w1';
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A report of `gauze audit verify --json` and how the command ended. */
export interface Verified {
  readonly code: number | null;
  readonly report: AuditReport;
}

export interface AuditSettings {
  readonly sealIntervalMs: number;
  /** Default: the site's own witness. */
  readonly witnessUrl?: string;
  /** What is archived may be pruned at once: these people are made up. */
  readonly isPrunable?: boolean;
}

export class LiveSite {
  readonly site: TestSite;
  private readonly logVkey: string;
  private readonly witnessVkey: string;
  private readonly others: RunningInstance[] = [];
  /** Kept over restarts of the witness, as its address is in the config. */
  private witnessPort = 0;
  witness: RunningInstance | null = null;
  witnessUrl = '';

  private constructor(site: TestSite, logVkey: string, witnessVkey: string) {
    this.site = site;
    this.logVkey = logVkey;
    this.witnessVkey = witnessVkey;
  }

  /** Makes a site whose trust file asks for the cosignature of a witness, and starts the witness. */
  static async make(options: SiteOptions & AuditSettings): Promise<LiveSite> {
    const site = await TestSite.make(options);
    const keyring = await loadKeyring(site.keyringFile);
    const witnessVkey = await createWitness(join(site.directory, 'witness'), WITNESS);
    const { directory, names, origin } = site;
    await rm(join(directory, 'trust.note'));
    const witnesses = [parseVkey(witnessVkey)];
    await makeAuditTrust(directory, { keyring, origin, names, witnesses, quorum: 1 });
    const logVkey = formatVkey(noteSigner(origin, NOTE_KEY.ED25519, keyring.auditWriter('sealer')));
    const live = new LiveSite(site, logVkey, witnessVkey);
    await live.startWitness();
    await live.configure(options);
    return live;
  }

  /** Starts the witness, again at its old address. */
  async startWitness(): Promise<void> {
    const started = await this.runWitness(join(this.site.directory, 'witness'), this.witnessPort);
    this.witness = started.instance;
    this.witnessUrl = started.url;
    this.witnessPort = Number(new URL(started.url).port);
  }

  /** A witness with the key and memory that are in a folder. */
  async runWitness(folder: string, port = 0): Promise<{ url: string; instance: RunningInstance }> {
    const args = [
      'witness',
      'run',
      '--folder',
      folder,
      '--log',
      this.logVkey,
      '--port',
      String(port),
      '--json',
    ];
    const child = spawn(process.execPath, [GAUZE, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const instance = new RunningInstance(child);
    this.others.push(instance);
    const line = await new Promise<string | null>((resolve) => {
      createInterface({ input: child.stdout })
        .once('line', resolve)
        .once('close', () => resolve(null));
    });
    if (line === null) throw new Error(`the witness did not start: ${instance.log}`);
    return { url: (JSON.parse(line) as { url: string }).url, instance };
  }

  /** The audit settings of the config, for processes started from now on. */
  async configure({
    sealIntervalMs,
    witnessUrl = this.witnessUrl,
    isPrunable,
  }: AuditSettings): Promise<void> {
    const file = join(this.site.directory, 'gauze.yaml');
    const { origin, rootVkey } = this.site;
    const trust = `trustFile: trust.note, rootVkey: '${rootVkey}'`;
    const witness = `witnesses: [{ url: '${witnessUrl}', vkey: '${this.witnessVkey}' }]`;
    const times = `sealIntervalMs: ${sealIntervalMs}${isPrunable === true ? ', retention: synthetic-data' : ''}`;
    const line = `audit: { origin: '${origin}', ${trust}, ${times}, ${witness} }\n`;
    await writeFile(
      file,
      (await readFile(file, 'utf8')).replace(/^audit:.*\n/m, () => line),
    );
  }

  /** A topology whose session keys are copied, and whose clock can be moved with SIGUSR2. */
  topology(): RunningInstance {
    const config = join(this.site.directory, 'gauze.yaml');
    const args = ['--import', PRELOAD, GAUZE, 'run', '--role', 'topology', '--verbose', '--config', config];
    const env = { ...process.env, GAUZE_TEST_STOLEN_KEYS: this.stolenKeysFile };
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    const instance = new RunningInstance(child);
    this.others.push(instance);
    return instance;
  }

  private get stolenKeysFile(): string {
    return join(this.site.directory, 'stolen-keys');
  }

  async latestWitnessNote(): Promise<string | null> {
    const client = new WitnessClient({ url: this.witnessUrl, key: parseVkey(this.witnessVkey) });
    return await client.latest(this.site.origin);
  }

  async verify(...args: readonly string[]): Promise<Verified> {
    const { code, report, stderr } = await this.tryVerify(...args);
    if (!report) throw new Error(`gauze audit verify printed no report: ${stderr}`);
    return { code, report };
  }

  /** As `verify`, for logs that it may refuse to read on. */
  async tryVerify(...args: readonly string[]): Promise<VerbResult & { readonly report: AuditReport | null }> {
    const result = await this.site.gauze('audit', 'verify', '--json', ...args);
    const line = result.stdout.split('\n').find((each) => each.startsWith('{'));
    return { ...result, report: line === undefined ? null : (JSON.parse(line) as AuditReport) };
  }

  /** Waits until everything is sealed, and cosigned. */
  async sealed(): Promise<Verified> {
    return await this.until(
      ({ unsealed, seals, cosignedSeals }) => unsealed === 0 && cosignedSeals === seals,
    );
  }

  /** Waits until there are more seals than `seals`, all cosigned. */
  async sealedBeyond(seals: number): Promise<Verified> {
    return await this.until((totals) => totals.seals > seals && totals.cosignedSeals === totals.seals);
  }

  private async until(isSo: (totals: AuditReport['totals']) => boolean): Promise<Verified> {
    return await eventually(async () => {
      const verified = await this.verify();
      const { totals } = verified.report;
      if (totals.seals === 0 || !isSo(totals))
        throw new Error(`not sealed: ${JSON.stringify(verified.report)}`);
      return verified;
    }, 120_000);
  }

  /** All keys there are: those of the keyring, of the witness, and those that were copied as they were made. */
  async keys(log: TamperLog): Promise<StolenKeys> {
    const keyring = JSON.parse(await readFile(this.site.keyringFile, 'utf8')) as {
      auditWriters: Record<string, string>;
    };
    const writers = new Map(
      Object.entries(keyring.auditWriters).map(([role, seed]) => [
        role,
        privateKey(Buffer.from(seed, 'base64')),
      ]),
    );
    const copied = (await readFile(this.stolenKeysFile, 'utf8')).split('\n').filter((line) => line !== '');
    const byPublic = new Map<string, KeyObject>();
    for (const line of copied) {
      const key = createPrivateKey({ key: Buffer.from(line, 'base64'), format: 'der', type: 'pkcs8' });
      byPublic.set(publicBytes(key).toString('base64'), key);
    }
    const sessions = new Map<string, KeyObject>();
    for (const { chain, event } of log.events) {
      const key = byPublic.get(extOf(event, 'session_key') ?? '');
      if (key) sessions.set(chain, key);
    }
    const sealer = { name: this.site.origin, privateKey: writers.get('sealer')! };
    return { writers, sessions, sealer, witness: await this.witnessKey() };
  }

  private async witnessKey(): Promise<NoteKey> {
    const text = await readFile(join(this.site.directory, 'witness', 'witness.key'), 'utf8');
    // PRIVATE+KEY+name+id+base64 of a type byte and the seed; the base64 may have a `+` of its own.
    const seed = Buffer.from(text.split('\n')[0]!.split('+').slice(4).join('+'), 'base64').subarray(1);
    return { name: WITNESS, privateKey: privateKey(seed) };
  }

  async close(): Promise<void> {
    for (const instance of this.others) await instance.end('SIGKILL');
    await this.site.close();
  }
}

function privateKey(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
}

/** Findings in short, for comparing and for people. */
export function told({ findings }: AuditReport): readonly string[] {
  return findings
    .filter((finding) => finding.class !== 'DECLARED')
    .map(({ name, place, detail }) => `${name} ${JSON.stringify(place)} ${detail}`);
}
