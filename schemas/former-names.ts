/**
 * Where places of a schema stood before they were given another name: aliases of fields, and of records that are
 * branches of a union. A tag that was seen there holds here too; a rename must not take it away.
 */
import type { AvroType } from './avro-schema.ts';
import { branchPath, fieldPath, itemsPath, pathSegments, valuesPath } from './field-path.ts';

/** A place, and what it may have been called, each as segments of a path without lists and maps. */
interface RenamedPlace {
  readonly present: readonly string[];
  readonly former: readonly string[];
}

/** So many names of one place are followed; a schema with more has been written to be misread. */
const FORMER_LIMIT = 256;

/** All places of `schema` that an alias says were called otherwise. */
export function renamedPlaces(schema: AvroType): readonly RenamedPlace[] {
  const renamed: RenamedPlace[] = [];
  const visit = (type: AvroType, path: string, former: readonly string[]): void => {
    switch (type.kind) {
      case 'record':
        for (const { name, aliases, type: inner } of type.fields) {
          const here = fieldPath(path, name);
          const others = [path, ...former].flatMap((each) =>
            [name, ...aliases].map((word) => fieldPath(each, word)),
          );
          note(inner, here, others);
        }
        return;
      case 'array':
        return visit(type.items, itemsPath(path), former.map(itemsPath));
      case 'map':
        return visit(type.values, valuesPath(path), former.map(valuesPath));
      case 'union':
        for (const branch of type.branches) {
          const names = 'typeAliases' in branch ? (branch.typeAliases ?? []) : [];
          const branches = [branch, ...names.map((fullName) => ({ ...branch, fullName }) as AvroType)];
          const others = [path, ...former].flatMap((each) =>
            branches.map((other) => branchPath(each, type, other)),
          );
          note(branch, branchPath(path, type, branch), others);
        }
        return;
      default:
    }
  };
  const note = (type: AvroType, path: string, others: readonly string[]): void => {
    const former = [...new Set(others)].filter((each) => each !== path).slice(0, FORMER_LIMIT);
    for (const each of former)
      renamed.push({ present: pathSegments(path), former: named(pathSegments(each)) });
    visit(type, path, former);
  };
  visit(schema, '$', []);
  return renamed;
}

/** The same place under the names that it has now, once for each place that it may be. */
export function underPresentNames(
  segments: readonly string[],
  renamed: readonly RenamedPlace[],
): readonly (readonly string[])[] {
  return renamed.flatMap(({ present, former }) => {
    let at = 0;
    for (const [index, segment] of segments.entries()) {
      if (isList(segment)) continue;
      if (segment !== former[at]) return [];
      at += 1;
      if (at === former.length) return [[...present, ...segments.slice(index + 1)]];
    }
    return [];
  });
}

function named(segments: readonly string[]): readonly string[] {
  return segments.filter((segment) => !isList(segment));
}

function isList(segment: string): boolean {
  return segment === '[]' || segment === '{}';
}
