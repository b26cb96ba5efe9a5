/**
 * `gauze audit prove` and `gauze audit check-proof`: the proof of one event as a file, and its check. The check reads
 * the file and the keys that are pinned, and nothing else; the event is shown only once every step holds.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { proveEvent } from '../audit/event-prover.ts';
import type { EventOffset } from '../audit/event-prover.ts';
import { sha256OfText } from '../audit/export/hashed-files.ts';
import { ExportSource } from '../audit/raw-export.ts';
import { trustFile, trustPolicy, verifyEventProof } from '../audit/tlog-proof.ts';
import type { OpenCheckpoint, ProvenEvent } from '../audit/tlog-proof.ts';
import { parsePolicy } from '../audit/tlog-policy.ts';
import { parseTrustFile } from '../audit/trust-file.ts';
import type { AuditSource } from '../audit/verify/audit-source.ts';
import { GauzeError, ownError } from '../platform/errors.ts';
import { withArchive, withAuditTopics } from './audit-topics.ts';
import { note, print } from './terminal.ts';

export interface CheckProofOptions {
  readonly policy?: string;
  readonly trust?: string;
  readonly root?: string;
  readonly json: boolean;
}

export interface ProveOptions {
  readonly config: string;
  readonly export?: string;
  readonly archive?: string;
  readonly out?: string;
}

/** Checks a proof file and tells what it proves. */
export async function checkProofCommand(file: string, options: CheckProofOptions): Promise<number> {
  const proven = verifyEventProof(await bytesOf(file), await trustOf(options));
  const facts = factsOf(proven);
  if (options.json) print(JSON.stringify(facts));
  else for (const line of linesOf(facts)) print(line);
  return 0;
}

/**
 * Writes the proof of an event: of the live topics, and then it is on record first that it was handed out, or of an
 * export.
 */
export async function proveCommand(place: string, options: ProveOptions): Promise<number> {
  const at = offsetOf(place);
  const proven = async (source: AuditSource): Promise<string> =>
    await proveEvent(await withArchive(source, options.archive), at);
  if (options.export !== undefined)
    return await writeProof(await proven(await ExportSource.open(options.export)), options);
  return await withAuditTopics(options.config, async ({ source, record }) => {
    const proof = await proven(source);
    const ext = { format: 'tlog-proof', sha256: sha256OfText(proof) };
    await record([{ type: 'export.created', name: 'prove', words: [place], results: 1, ext }]);
    return await writeProof(proof, options);
  });
}

async function writeProof(proof: string, { out }: ProveOptions): Promise<number> {
  if (out === undefined) print(proof.slice(0, -1));
  else {
    try {
      await writeFile(`${out}.part`, proof);
      await rename(`${out}.part`, out);
    } catch {
      throw new GauzeError('ERR_AUDIT_EXPORT_FILE', { file: out });
    }
    note(`The proof is in ${out}; gauze audit check-proof checks it.`);
  }
  return 0;
}

function offsetOf(place: string): EventOffset {
  const [, topic, partition, offset] = /^([\w.-]+)\/(\d{1,9})\/(\d{1,15})$/.exec(place) ?? [];
  if (topic === undefined)
    throw new GauzeError('ERR_USAGE_ARGUMENT', {
      setting: 'event',
      expected: '<topic>/<partition>/<offset>',
    });
  return { topic, partition: Number(partition), offset: Number(offset) };
}

async function trustOf({ policy, trust, root }: CheckProofOptions): Promise<OpenCheckpoint> {
  if (policy !== undefined && trust === undefined)
    return trustPolicy(parsePolicy(await bytesOf(policy), policy));
  if (policy === undefined && trust !== undefined && root !== undefined)
    return trustFile(parseTrustFile(await bytesOf(trust), root));
  throw new GauzeError('ERR_USAGE_ARGUMENT', {
    setting: '--policy',
    expected: 'given, or --trust with --root',
  });
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (thrown) {
    throw ownError(thrown, 'ERR_CONFIG_FILE_UNREADABLE', { file });
  }
}

/** What is shown of an event: who, what, where; no token, no key. */
interface ProvenFacts {
  readonly event: string;
  readonly type: string;
  readonly recordedAt: string;
  readonly actor: string;
  readonly topic: string;
  readonly partition: number;
  readonly index: number;
  readonly read: string | null;
  readonly seal: number;
  readonly sealedAt: string;
  readonly origin: string;
  readonly cosignedBy: readonly { readonly witness: string; readonly at: string | null }[];
}

function factsOf({ event, seal, checkpoint, topic, partition, index }: ProvenEvent): ProvenFacts {
  const { range } = event;
  return {
    event: event.event_id.toString('hex'),
    type: event.type,
    recordedAt: new Date(event.recorded_at / 1000).toISOString(),
    actor: event.actor.id,
    topic,
    partition,
    index,
    read: range && `${range.topic}/${range.partition} [${range.first_offset}, ${range.next_offset})`,
    seal: seal.n,
    sealedAt: new Date(seal.sealed_at / 1000).toISOString(),
    origin: checkpoint.checkpoint.origin,
    cosignedBy: checkpoint.cosignatures.map(({ name, timeSeconds }) => ({
      witness: name,
      at: timeSeconds === null ? null : new Date(timeSeconds * 1000).toISOString(),
    })),
  };
}

function linesOf(facts: ProvenFacts): readonly string[] {
  const { cosignedBy, topic, partition, index, read, ...rest } = facts;
  const rows: [string, string][] = [
    ['event', `${facts.event}  ${facts.type}`],
    ['recorded', rest.recordedAt],
    ['by', rest.actor],
    ...(read === null ? [] : ([['read', read]] as [string, string][])),
    ['stands in', `${topic}/${partition}, the ${index + 1}. event`],
    ['sealed', `${rest.sealedAt} in seal ${rest.seal} of ${rest.origin}`],
    ...cosignedBy.map(({ witness, at }): [string, string] => ['cosigned', `${at ?? '?'} by ${witness}`]),
  ];
  if (cosignedBy.length === 0)
    rows.push(['cosigned', 'by nobody: the owner of the log could have rewritten it']);
  return ['The proof holds.', ...rows.map(([name, text]) => `  ${name.padEnd(10)} ${text}`)];
}
