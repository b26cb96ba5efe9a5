/**
 * Asks a witness for its cosignature, and for what it saw last. What it answers is believed only as far as its key
 * has signed it; an answer that is not a cosignature of this very checkpoint is none.
 */
import { createHash } from 'node:crypto';
import { GauzeError, ownError } from '../../platform/errors.ts';
import { parseSize } from '../checkpoint.ts';
import { formatSignature, openNote, parseNote } from '../signed-note.ts';
import type { NoteVerifier } from '../signed-note.ts';
import { MAX_REQUEST_BYTES, SIZE_MEDIA_TYPE, formatAddCheckpoint } from './add-checkpoint.ts';

export interface WitnessClientOptions {
  /** Submission prefix; the monitoring prefix is the same. */
  readonly url: string;
  readonly key: NoteVerifier;
  /** For one request. */
  readonly timeoutMs?: number;
}

/** Makes the proof that the tree of the checkpoint grew out of the first `oldSize` leaves. */
export type ProofFrom = (oldSize: number) => Promise<readonly Uint8Array[]> | readonly Uint8Array[];

const TIMEOUT_MS = 5_000;
/** The witness may move on between an answer and the next try, if somebody else asks too. */
const TRIES = 4;
/** Statuses by which a witness says no; any other is trouble of its own. */
const REFUSALS: ReadonlySet<number> = new Set([400, 403, 404, 409, 422]);

interface Reply {
  readonly status: number;
  readonly mediaType: string;
  readonly body: Buffer;
}

export class WitnessClient {
  private readonly options: WitnessClientOptions;
  /** Size of the checkpoint it cosigned last, as far as we know. */
  private known = 0;

  constructor(options: WitnessClientOptions) {
    this.options = options;
  }

  get name(): string {
    return this.options.key.name;
  }

  /**
   * Has a checkpoint cosigned, however far the witness has got: `add` from what is known of it. Null where it refuses:
   * it knows another tree, a larger one, or not this log.
   * @throws GauzeError ERR_WITNESS_UNREACHABLE, ERR_WITNESS_ANSWER
   */
  async cosign(note: string, proofFrom: ProofFrom, signal?: AbortSignal): Promise<string | null> {
    try {
      return await this.add(note, this.known, proofFrom, signal);
    } catch (thrown) {
      const { code } = ownError(thrown);
      if (code === 'ERR_WITNESS_REFUSED') return null;
      throw thrown;
    }
  }

  /**
   * Sends a checkpoint with the proof from `oldSize`; where the witness says it stands elsewhere, again from there.
   * Returns its signature lines.
   * @throws GauzeError ERR_WITNESS_REFUSED with its status, ERR_WITNESS_UNREACHABLE, ERR_WITNESS_ANSWER
   */
  async add(note: string, oldSize: number, proofFrom: ProofFrom, signal?: AbortSignal): Promise<string> {
    const size = parseSize(parseNote(note).text.split('\n')[1] ?? '') ?? 0;
    let from = Math.min(oldSize, size);
    for (let tries = 0; tries < TRIES; tries += 1) {
      const proof = from === 0 || from === size ? [] : await proofFrom(from);
      const body = formatAddCheckpoint({ oldSize: from, proof, note: Buffer.from(note) });
      const reply = await this.ask('add-checkpoint', signal, body);
      if (reply.status === 200) {
        const lines = this.cosignatures(note, reply.body);
        this.known = size;
        return lines;
      }
      if (!REFUSALS.has(reply.status)) throw new GauzeError('ERR_WITNESS_ANSWER', { status: reply.status });
      const stands = reply.status === 409 && reply.mediaType === SIZE_MEDIA_TYPE ? sizeIn(reply.body) : null;
      if (stands === null || stands > size)
        throw new GauzeError('ERR_WITNESS_REFUSED', { status: reply.status });
      from = stands;
    }
    throw new GauzeError('ERR_WITNESS_REFUSED', { status: 409 });
  }

  /**
   * The latest checkpoint of a log that the witness cosigned, with its cosignature verified; null if it never did.
   * @throws GauzeError ERR_WITNESS_UNREACHABLE, ERR_WITNESS_ANSWER, and those of openNote
   */
  async latest(origin: string, signal?: AbortSignal): Promise<string | null> {
    const hash = createHash('sha256').update(origin).digest('hex');
    const reply = await this.ask(`${hash}/checkpoint`, signal);
    if (reply.status === 404) return null;
    if (reply.status !== 200) throw new GauzeError('ERR_WITNESS_ANSWER', { status: reply.status });
    openNote(reply.body, [this.options.key]);
    return reply.body.toString('utf8');
  }

  /** Its signature lines, if they are under this checkpoint; lines of others are left out. */
  private cosignatures(note: string, body: Buffer): string {
    const { text } = parseNote(note);
    try {
      const { verified } = openNote(Buffer.concat([Buffer.from(`${text}\n`), body]), [this.options.key]);
      return verified.map((signature) => formatSignature(signature)).join('');
    } catch {
      throw new GauzeError('ERR_WITNESS_ANSWER', { status: 200 });
    }
  }

  private async ask(path: string, signal?: AbortSignal, body?: Buffer): Promise<Reply> {
    const { url, timeoutMs = TIMEOUT_MS } = this.options;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(`${url.replace(/\/+$/, '')}/${path}`, {
        ...(body ? { method: 'POST', body: new Uint8Array(body) } : {}),
        redirect: 'error',
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      return {
        status: response.status,
        mediaType: response.headers.get('content-type') ?? '',
        body: await boundedBody(response),
      };
    } catch (thrown) {
      throw ownError(thrown, 'ERR_WITNESS_UNREACHABLE');
    }
  }
}

function sizeIn(body: Buffer): number | null {
  const text = body.toString('latin1');
  return text.endsWith('\n') ? parseSize(text.slice(0, -1)) : null;
}

async function boundedBody(response: Response): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > MAX_REQUEST_BYTES) throw new GauzeError('ERR_WITNESS_ANSWER', { status: response.status });
    parts.push(part);
  }
  return Buffer.concat(parts);
}
