/**
 * A client of a schema registry by its Confluent API (Confluent, Apicurio under /apis/ccompat/v7).
 * It returns the raw text of schemas, because Avro libraries drop the attributes that tags are.
 * It must never put an answer's text or the password into an error, and never take a wrong address
 * (an answer that no registry gives) for "there is no such schema".
 */
import { z } from 'zod';
import { monotonicMs } from '../platform/clock.ts';
import { GauzeError } from '../platform/errors.ts';
import { COMPATIBILITIES } from './compatibility.ts';
import type { Compatibility } from './compatibility.ts';
import { RegistryHttp } from './registry-http.ts';
import { metadataTags, withConfiguredTags } from './registry-metadata.ts';
import type { RegistryAccess, RegistryAnswer } from './registry-http.ts';

export interface RegistryOptions extends RegistryAccess {
  /** How long "no such schema" is believed; 5,000. */
  readonly notFoundMs?: number;
}

/** A schema as registered. */
export interface SchemaText {
  readonly id: number;
  readonly text: string;
  /** Texts of the schemas it refers to, dependencies first. */
  readonly references: readonly string[];
  /** `metadata.tags`, where the registry keeps them: field patterns and tag words. */
  readonly metadata: ReadonlyMap<string, readonly string[]>;
}

export interface SubjectVersion extends SchemaText {
  readonly version: number;
}

const references = z
  .array(z.object({ subject: z.string(), version: z.int() }))
  .nullish()
  .transform((list) => list ?? []);
const registered = z.object({
  id: z.int().optional(),
  schema: z.string(),
  schemaType: z.string().nullish(),
  references,
  metadata: metadataTags,
});
const versionList = z.array(z.int());
const idAnswer = z.object({ id: z.int() });
const configAnswer = z.object({ compatibilityLevel: z.enum(COMPATIBILITIES) });
const errorAnswer = z.object({ error_code: z.int() });
/** More ids that do not exist are not kept in mind: a flood of them must not fill the memory. */
const ABSENT_LIMIT = 10_000;

type Registered = z.infer<typeof registered>;
export class RegistryClient {
  readonly #http: RegistryHttp;
  readonly #notFoundMs: number;
  readonly #texts = new Map<number, Promise<SchemaText>>();
  readonly #refreshes = new Map<string, Promise<readonly SubjectVersion[]>>();
  readonly #idsOfSubject = new Map<string, Set<number>>();
  /** What was not there, and until when (monotonic ms) that is believed. */
  readonly #absentUntil = new Map<string, number>();

  constructor(options: RegistryOptions) {
    this.#http = new RegistryHttp(options);
    this.#notFoundMs = options.notFoundMs ?? 5_000;
  }

  /**
   * The schema with this id. A known id is never asked for twice, and callers that miss at once share a request.
   * @throws GauzeError ERR_SCHEMA_UNKNOWN, ERR_SCHEMA_SYNTAX (not Avro), ERR_REGISTRY_UNREACHABLE, ERR_REGISTRY_ANSWER;
   * the signal's reason when it aborts (the shared request goes on).
   */
  async schemaText(id: number, signal?: AbortSignal): Promise<SchemaText> {
    const key = `id ${id}`;
    if (this.#isAbsent(key)) throw new GauzeError('ERR_SCHEMA_UNKNOWN', { schemaId: id });
    const known = this.#texts.get(id) ?? this.#fetchText(id, key);
    this.#texts.set(id, known);
    return until(known, signal);
  }

  /**
   * All versions of a subject, soft-deleted ones with the tags of the registry's settings too; none for an unknown one.
   * @throws GauzeError ERR_SCHEMA_SYNTAX (not Avro), ERR_REGISTRY_UNREACHABLE, ERR_REGISTRY_ANSWER
   */
  async subjectVersions(
    subject: string,
    options: { readonly includeDeleted: boolean; readonly settings?: boolean } = { includeDeleted: true },
  ): Promise<readonly SubjectVersion[]> {
    let list = await this.#versionNumbers(subject, options.includeDeleted);
    const versions: SubjectVersion[] = [];
    for (let at = 0; at < list.length; at++) {
      const version = list[at]!;
      const found = await this.#version(subject, version, options.includeDeleted);
      if (found) {
        if (found.id === undefined) throw new GauzeError('ERR_REGISTRY_ANSWER', { status: 200, subject });
        versions.push({ ...(await this.#complete(found, found.id, subject)), version });
        continue;
      }
      // Deleted for good in between? If it is still listed, its tags are out of reach, and that must not pass.
      list = await this.#versionNumbers(subject, options.includeDeleted);
      if (list.includes(version)) throw new GauzeError('ERR_REGISTRY_ANSWER', { status: 404, subject });
      at = -1;
      versions.length = 0;
    }
    const ids = this.#idsOfSubject.get(subject) ?? new Set();
    for (const version of versions) ids.add(version.id);
    this.#idsOfSubject.set(subject, ids);
    if (!(options.settings ?? options.includeDeleted)) return versions;
    return withConfiguredTags(this.#http, subject, versions);
  }

  /** Is this id a version of the subject? Asks the registry again (not more than every few seconds) where it seems not. */
  async isVersionOf(id: number, subject: string, signal?: AbortSignal): Promise<boolean> {
    const isKnown = (): boolean => this.#idsOfSubject.get(subject)?.has(id) ?? false;
    const key = `version ${id} ${subject}`;
    if (isKnown()) return true;
    if (this.#isAbsent(key)) return false;
    const refresh =
      this.#refreshes.get(subject) ??
      this.subjectVersions(subject).finally(() => this.#refreshes.delete(subject));
    this.#refreshes.set(subject, refresh);
    await until(refresh, signal);
    if (!isKnown()) this.#rememberAbsent(key);
    return isKnown();
  }

  /**
   * Registers a schema under a subject; the same text gives the same id again.
   * @throws GauzeError ERR_SCHEMA_DERIVED_INCOMPATIBLE, ERR_SCHEMA_SYNTAX, ERR_REGISTRY_UNREACHABLE, ERR_REGISTRY_ANSWER
   */
  async register(subject: string, schemaText: string): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const answer = await this.#http.send('POST', path, { schema: schemaText });
    if (answer.status === 409)
      throw new GauzeError('ERR_SCHEMA_DERIVED_INCOMPATIBLE', {
        subject,
        path: '$',
        actual: 'the registry refuses it',
      });
    if (answer.status === 422)
      throw new GauzeError('ERR_SCHEMA_SYNTAX', {
        subject,
        file: '',
        path: '$',
        expected: 'a schema that the registry takes is expected',
      });
    return parsed(answer, idAnswer).id;
  }

  /**
   * Is this very schema a version of the subject? The registry compares, whatever way it keeps the text.
   * @throws GauzeError ERR_REGISTRY_UNREACHABLE, ERR_REGISTRY_ANSWER
   */
  async isRegistered(subject: string, schemaText: string): Promise<boolean> {
    return (await this.registeredId(subject, schemaText)) !== null;
  }

  /** The id under which this very schema is a version of the subject; null where it is none. Throws as above. */
  async registeredId(subject: string, schemaText: string): Promise<number | null> {
    const answer = await this.#http.send('POST', `/subjects/${encodeURIComponent(subject)}`, {
      schema: schemaText,
    });
    if (answer.status === 200) return parsed(answer, idAnswer).id;
    if (isNotFound(answer)) return null;
    throw new GauzeError('ERR_REGISTRY_ANSWER', { status: answer.status, subject });
  }

  /**
   * What the registry holds the subject to, or all that have no setting of their own; null where nothing is set for it.
   * One without a setting may be answered with that of all. Throws ERR_REGISTRY_UNREACHABLE, ERR_REGISTRY_ANSWER.
   */
  async compatibility(subject?: string): Promise<Compatibility | null> {
    const path = subject === undefined ? '/config' : `/config/${encodeURIComponent(subject)}`;
    const answer = await this.#http.send('GET', path);
    return isNotFound(answer) ? null : parsed(answer, configAnswer).compatibilityLevel;
  }

  /** Sets what the registry holds the subject to. Throws as above. */
  async setCompatibility(subject: string, compatibility: Compatibility): Promise<void> {
    const answer = await this.#http.send('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility });
    if (answer.status !== 200)
      throw new GauzeError('ERR_REGISTRY_ANSWER', { status: answer.status, subject });
  }

  /** Deletes a subject with all its versions, for good; one that is not there is no error. */
  async deleteSubject(subject: string): Promise<void> {
    const path = `/subjects/${encodeURIComponent(subject)}`;
    for (const query of ['', '?permanent=true']) {
      const answer = await this.#http.send('DELETE', path + query);
      if (answer.status !== 200 && !isNotFound(answer))
        throw new GauzeError('ERR_REGISTRY_ANSWER', { status: answer.status });
    }
    this.#idsOfSubject.delete(subject);
  }

  async #fetchText(id: number, key: string): Promise<SchemaText> {
    try {
      const answer = await this.#http.send('GET', `/schemas/ids/${id}`);
      if (isNotFound(answer)) {
        this.#rememberAbsent(key);
        throw new GauzeError('ERR_SCHEMA_UNKNOWN', { schemaId: id });
      }
      return await this.#complete(parsed(answer, registered), id);
    } catch (error) {
      this.#texts.delete(id);
      throw error;
    }
  }

  async #complete(found: Registered, id: number, subject = ''): Promise<SchemaText> {
    if ((found.schemaType ?? 'AVRO') !== 'AVRO')
      throw new GauzeError('ERR_SCHEMA_SYNTAX', {
        subject,
        schemaId: id,
        file: '',
        path: '$',
        expected: 'Avro is expected',
      });
    const texts: string[] = [];
    await this.#resolve(found, texts, new Set());
    return {
      id,
      text: found.schema,
      references: texts,
      metadata: new Map(Object.entries(found.metadata?.tags ?? {})),
    };
  }

  async #resolve(found: Registered, texts: string[], seen: Set<string>): Promise<void> {
    for (const { subject, version } of found.references) {
      const key = `${version} ${subject}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const reference = await this.#version(subject, version, true);
      if (!reference) throw new GauzeError('ERR_REGISTRY_ANSWER', { status: 404, subject });
      await this.#resolve(reference, texts, seen);
      texts.push(reference.schema);
    }
  }

  async #versionNumbers(subject: string, includeDeleted: boolean): Promise<readonly number[]> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const answer = await this.#sendWithDeleted(path, includeDeleted);
    return isNotFound(answer) ? [] : parsed(answer, versionList);
  }

  async #version(subject: string, version: number, includeDeleted: boolean): Promise<Registered | null> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`;
    const answer = await this.#sendWithDeleted(path, includeDeleted);
    return isNotFound(answer) ? null : parsed(answer, registered);
  }

  /** A registry that does not know the parameter `deleted` is asked without it: it keeps no deleted versions then. */
  async #sendWithDeleted(path: string, includeDeleted: boolean): Promise<RegistryAnswer> {
    if (includeDeleted) {
      const answer = await this.#http.send('GET', `${path}?deleted=true`);
      if (![400, 405, 422].includes(answer.status)) return answer;
    }
    return this.#http.send('GET', path);
  }

  #isAbsent(key: string): boolean {
    const until = this.#absentUntil.get(key);
    if (until === undefined) return false;
    if (monotonicMs() < until) return true;
    this.#absentUntil.delete(key);
    return false;
  }

  #rememberAbsent(key: string): void {
    if (this.#absentUntil.size >= ABSENT_LIMIT) this.#absentUntil.clear();
    this.#absentUntil.set(key, monotonicMs() + this.#notFoundMs);
  }
}

/** A registry says "not found" with its own error code; a wrong address answers 404 without one. */
function isNotFound({ status, body }: RegistryAnswer): boolean {
  return status === 404 && errorAnswer.safeParse(body).success;
}

function parsed<T extends z.ZodType>(answer: RegistryAnswer, shape: T): z.infer<T> {
  const result = shape.safeParse(answer.body);
  if (answer.status !== 200 || !result.success)
    throw new GauzeError('ERR_REGISTRY_ANSWER', { status: answer.status });
  return result.data;
}

/** The promise's outcome, or the signal's reason if that comes first. */
async function until<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
