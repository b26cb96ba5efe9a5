/**
 * Tags that a registry keeps beside a schema: `metadata.tags` of a version, and what its settings put on the schemas
 * of one subject or of all. An override there replaces what a schema says of the same pattern, so that tags can go
 * without any schema changing: here they are only ever added. It must never take a refusal for "there are none".
 */
import { z } from 'zod';
import { GauzeError } from '../platform/errors.ts';
import type { RegistryHttp } from './registry-http.ts';

/** Field patterns and tag words. */
export type MetadataTags = ReadonlyMap<string, readonly string[]>;

/** `metadata` of a schema, as far as it is about tags. */
export const metadataTags = z.object({ tags: z.record(z.string(), z.array(z.string())).nullish() }).nullish();

const settings = z.object({ defaultMetadata: metadataTags, overrideMetadata: metadataTags });

/**
 * The versions of a subject, each with the tags of the registry's settings too.
 * @throws GauzeError ERR_REGISTRY_UNREACHABLE, ERR_REGISTRY_ANSWER
 */
export async function withConfiguredTags<T extends { readonly metadata: MetadataTags }>(
  http: RegistryHttp,
  subject: string,
  versions: readonly T[],
): Promise<readonly T[]> {
  if (versions.length === 0) return versions;
  const more = [
    ...(await configuredTags(http, '/config')),
    ...(await configuredTags(http, `/config/${encodeURIComponent(subject)}`)),
  ];
  return versions.map((version) => ({ ...version, metadata: withTags(version.metadata, more) }));
}

type Entries = readonly (readonly [string, readonly string[]])[];

/** None where the registry has no such settings. */
async function configuredTags(http: RegistryHttp, path: string): Promise<Entries> {
  const answer = await http.send('GET', path);
  if (answer.status === 404 || answer.status === 405) return [];
  const read = settings.safeParse(answer.body);
  if (answer.status !== 200 || !read.success)
    throw new GauzeError('ERR_REGISTRY_ANSWER', { status: answer.status });
  const { defaultMetadata, overrideMetadata } = read.data;
  return [defaultMetadata, overrideMetadata].flatMap((metadata) => Object.entries(metadata?.tags ?? {}));
}

function withTags(metadata: MetadataTags, more: Entries): MetadataTags {
  const all = new Map(metadata);
  for (const [pattern, words] of more)
    all.set(pattern, [...new Set([...(all.get(pattern) ?? []), ...words])]);
  return all;
}
