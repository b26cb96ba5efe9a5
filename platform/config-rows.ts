/**
 * The settings of gauze.yaml as rows: names, types, defaults and meanings, read off the schema.
 * For the reference page and for messages about wrong settings; checks nothing itself.
 */
import type { z } from 'zod';
import { settingTexts } from './config-setting-kinds.ts';
import type { SettingText } from './config-setting-kinds.ts';
import { configSchema } from './config-settings.ts';

/** One line of the reference. */
export interface SettingRow {
  readonly name: string;
  /** `text`, `whole number`, `group` ...; of a choice, the choices. */
  readonly type: string;
  /** As written in YAML; null where the setting is needed, '' where it may be left out. */
  readonly default: string | null;
  readonly unit: string;
  readonly doc: string;
}

/** All settings, depth first, in the order of the file. */
export function settingRows(): readonly SettingRow[] {
  return rowsBelow(configSchema, '');
}

/** What the setting at `path` must be; the nearest described setting above it answers for a part. */
export function expectedAt(path: readonly PropertyKey[]): string {
  return textAt(path)?.expected ?? 'another value';
}

/** Names of the settings of a group, without its own; of the whole file for the empty name. */
export function settingsBelow(group: string): readonly string[] {
  const start = group === '' ? '' : `${group}.`;
  const below = settingRows().filter(({ name }) => name.startsWith(start));
  return below.map(({ name }) => name.slice(start.length)).filter((name) => !name.includes('.'));
}

/** What stands for the setting `name` where nothing will be connected to; undefined where it is needed all the same. */
export function standInOf(name: string): string | undefined {
  return textAt(name.split('.'))?.standIn;
}

/** Names of all settings that are paths, such as `keys.file`. */
export function pathSettings(): ReadonlySet<string> {
  const names = settingRows().map((row) => row.name);
  return new Set(names.filter((name) => textAt(name.split('.'))?.isPath === true));
}

function rowsBelow(schema: z.ZodType, prefix: string): SettingRow[] {
  const shape = shapeOf(schema);
  if (shape === null) return [];
  return Object.entries(shape).flatMap(([key, child]) => {
    const name = `${prefix}${key}`;
    const text = textOf(child);
    return [
      {
        name,
        type: typeWord(child),
        default: defaultWord(child),
        unit: text?.unit ?? '',
        doc: text?.doc ?? '',
      },
      ...rowsBelow(child, `${name}.`),
    ];
  });
}

function textAt(path: readonly PropertyKey[]): SettingText | undefined {
  let schema: z.ZodType = configSchema;
  let found = textOf(schema);
  for (const step of path) {
    const child = shapeOf(schema)?.[String(step)];
    if (child === undefined) break;
    schema = child;
    found = textOf(child) ?? found;
  }
  return found;
}

/** What zod tells of a schema; only these few columns are read. */
interface SchemaDef {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly options?: readonly z.ZodType[];
  readonly entries?: Readonly<Record<string, string>>;
  readonly defaultValue?: unknown;
}

function defOf(schema: z.ZodType): SchemaDef {
  return schema.def;
}

/** The schema itself, then what its wrappers (optional, default) hold. */
function layers(schema: z.ZodType): readonly z.ZodType[] {
  const { innerType } = defOf(schema);
  return innerType ? [schema, ...layers(innerType)] : [schema];
}

function textOf(schema: z.ZodType): SettingText | undefined {
  return layers(schema)
    .map((layer) => settingTexts.get(layer))
    .find((text) => text !== undefined);
}

function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | null {
  const inner = defOf(layers(schema).at(-1)!);
  const options = inner.options ?? [];
  return inner.shape ?? options.map((option) => shapeOf(option)).find((shape) => shape !== null) ?? null;
}

function typeWord(schema: z.ZodType): string {
  const inner = defOf(layers(schema).at(-1)!);
  if (textOf(schema)?.isPath) return 'path';
  if (inner.entries) return Object.values(inner.entries).join(', ');
  const words: Readonly<Record<string, string>> = {
    string: 'text',
    object: 'group',
    array: 'list',
    record: 'map',
  };
  if (inner.type !== 'union') return words[inner.type] ?? inner.type;
  return shapeOf(schema) === null ? 'whole number' : 'true, false or group';
}

function defaultWord(schema: z.ZodType): string | null {
  for (const layer of layers(schema)) {
    const def = defOf(layer);
    if (def.type === 'optional' || def.type === 'prefault') return '';
    if (def.type === 'default') return JSON.stringify(def.defaultValue);
  }
  return null;
}
