/**
 * The .avsc files of `gauze check`: read, parsed, and looked at by themselves. What each audience would get of a
 * file that was given with its topic is for check-plans.ts. Reads the files and nothing else.
 */
import { readFile } from 'node:fs/promises';
import { GauzeError, GauzeErrors } from '../platform/errors.ts';
import type { ErrorContext } from '../platform/errors.ts';
import { hintLeaves, lintSchema } from '../policy/lint.ts';
import { personField } from '../policy/person-field.ts';
import type { AvroType } from '../schemas/avro-schema.ts';
import { parseAvroSchema } from '../schemas/parse-avro.ts';
import { leavesOf } from '../schemas/tags.ts';
import type { SiteTags } from '../schemas/tags.ts';
import type { CheckReport } from './check-report.ts';
import type { SiteToCheck } from './check-site.ts';
import { SchemaLines } from './schema-lines.ts';

/** A schema file that could be parsed. */
export interface SchemaFile {
  readonly file: string;
  /** The topic whose values it is to describe; null where nobody said. */
  readonly topic: string | null;
  readonly schema: AvroType;
  readonly lines: SchemaLines;
  /** The site's words, and with them those that nobody knows, so that the rest can still be checked. */
  readonly siteTags: SiteTags;
  /** All words on its fields are known. */
  readonly isSound: boolean;
}

/** Reads and lints the files; those that cannot be parsed are problems and not in the result. */
export async function readFilesToCheck(
  args: readonly string[],
  site: SiteToCheck,
  report: CheckReport,
): Promise<readonly SchemaFile[]> {
  const parsed: SchemaFile[] = [];
  for (const arg of args) {
    const before = report.problems.length;
    const schema = await readSchemaFile(arg, site, report);
    const isCovered = site.policies.some(({ topics }) => topics.has(schema?.topic ?? ''));
    // What a field without a tag comes to is the policies' to say, where there are any.
    if (schema && !isCovered) lintLeavesOf(schema, report);
    if (schema) {
      hintsOf(schema, report);
      parsed.push(schema);
    }
    report.conclude(
      arg,
      before,
      isCovered ? 'well-formed, tags known' : 'every field tagged; no audience asked',
    );
  }
  return parsed;
}

async function readSchemaFile(
  arg: string,
  site: SiteToCheck,
  report: CheckReport,
): Promise<SchemaFile | undefined> {
  const [, topic = null, file = ''] = /^(?:([A-Za-z0-9._-]+)=)?(.*)$/s.exec(arg) ?? [];
  const text = await report.collect(async () => {
    return await readFile(file, 'utf8').catch(() => {
      throw new GauzeError('ERR_CONFIG_FILE_UNREADABLE', { file });
    });
  });
  if (text === undefined) return undefined;
  const lines = new SchemaLines(text);
  const place = ({ context }: GauzeError): ErrorContext => ({ file, line: lines.line(context.path ?? '') });
  const schema = await report.collect(() => parseAvroSchema(text, [], { file }), place);
  if (!schema) return undefined;
  const subject = topic ?? nameOf(schema, file);
  const leaves = await report.collect(() => leavesOf(schema, { site: site.siteTags, subject }), place);
  const { count, path } = personField(schema);
  if (count > 0 && path === null)
    report.add(new GauzeError('ERR_SCHEMA_PERSON', { file, line: lines.line(''), subject, count }));
  const siteTags = leaves ? site.siteTags : withUnknownWords(schema, site.siteTags);
  return { file, topic, schema, lines, siteTags, isSound: leaves !== undefined };
}

/** What is wrong with the fields whoever reads them: those without a tag. */
function lintLeavesOf({ file, topic, schema, lines, siteTags }: SchemaFile, report: CheckReport): void {
  const sources = { site: siteTags };
  const named = lintSchema(schema, { file, topic: topic ?? nameOf(schema, file) }, sources);
  const told = new Set(named.map(({ context }) => context.path));
  for (const { code, context } of named)
    report.add(new GauzeError(code, { ...context, line: lines.line(context.path ?? '') }));
  for (const { path, tags, type } of leavesOf(schema, sources)) {
    if (tags.size > 0 || type.kind === 'null' || told.has(path)) continue;
    report.add(new GauzeError('ERR_SCHEMA_LEAF_UNTAGGED', { file, line: lines.line(path), path }));
  }
}

/** What is worth a look whoever reads the fields. */
function hintsOf({ file, topic, schema, lines, siteTags }: SchemaFile, report: CheckReport): void {
  const place = { file, topic: topic ?? nameOf(schema, file) };
  for (const { code, context } of hintLeaves(leavesOf(schema, { site: siteTags }), schema, place))
    report.warn(new GauzeError(code, { ...context, line: lines.line(context.path ?? '') }));
}

/** Each unknown word stands for some identifier here; that it is unknown has been told. */
function withUnknownWords(schema: AvroType, known: SiteTags): SiteTags {
  const words = new Map(known);
  for (;;) {
    try {
      leavesOf(schema, { site: words });
      return words;
    } catch (error) {
      if (!(error instanceof GauzeErrors)) throw error;
      for (const { context } of error.errors) words.set(context.tag ?? '', 'PHI_ID');
    }
  }
}

function nameOf(schema: AvroType, file: string): string {
  return 'fullName' in schema ? schema.fullName : file;
}
