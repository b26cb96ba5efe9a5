/**
 * Paths of places in a schema, as policies, errors and `gauze explain` write them. Names of the schema only:
 * a path never holds a map key or a value.
 *
 * Grammar: `$` is the whole value; below it names joined by `.`; `[]` the items of an array; `{}` the values
 * of a map and `{key}` its keys; `<branch>` (full name, or kind of an unnamed type) only where a union has two
 * or more branches besides null. `names[].given`, `codes{key}`, `subject<org.example.Patient>.mrn`.
 *
 * A record inside itself has no paths of its own: in a tree of `{name, children: [itself]}`, `name` is the name at
 * every depth, and the path ends at `children[]`. `children[]*` stands for all that comes below there again.
 */
import type { AvroType, AvroUnion } from './avro-schema.ts';

/** The whole value. */
export const ROOT_PATH = '$';
/** Last part of a path: what comes again. */
export const AGAIN = '*';

/** The path of a field of the record at `parent`. */
export function fieldPath(parent: string, name: string): string {
  return parent === ROOT_PATH ? name : `${parent}.${name}`;
}

/** The path of the items of the array at `parent`. */
export function itemsPath(parent: string): string {
  return extend(parent, '[]');
}

/** The path of the values of the map at `parent`. */
export function valuesPath(parent: string): string {
  return extend(parent, '{}');
}

/** The path of the keys of the map at `parent`. */
export function keyPath(parent: string): string {
  return extend(parent, '{key}');
}

/** The path of a branch of the union at `parent`. */
export function branchPath(parent: string, union: AvroUnion, branch: AvroType): string {
  const carrying = union.branches.filter((each) => each.kind !== 'null').length;
  return carrying < 2 || branch.kind === 'null' ? parent : extend(parent, `<${branchName(branch)}>`);
}

/** All that comes again below the record inside itself at `place`. */
export function againPath(place: string): string {
  return `${place}${AGAIN}`;
}

/** How a union tells its branches apart: the full name of a named type, else the kind. */
export function branchName(branch: AvroType): string {
  return 'fullName' in branch ? branch.fullName : branch.kind;
}

/** The parts of a path: names, `[]`, `{}`, `{key}`, `<branch>` and `*`; none for the root. */
export function pathSegments(path: string): string[] {
  return path === ROOT_PATH ? [] : (path.match(/\[\]|\{\}|\{key\}|<[^>]*>|\*|[^.[{<*]+/g) ?? []);
}

/** Is `path` the place `above` itself, or a place below it? */
export function isAtOrBelow(path: string, above: string): boolean {
  if (above === ROOT_PATH || path === above) return true;
  return path.startsWith(above) && '.[{<*'.includes(path.charAt(above.length));
}

/**
 * Does what was said of the place `earlier` (segments of a path in another version of the schema) hold for
 * `present` too? It does where `present` is that place or below it, and also where only the wrapping changed
 * between the versions: a value that became an array, a map or one branch of a union, or the other way round.
 */
export function reaches(earlier: readonly string[], present: readonly string[]): boolean {
  let at = 0;
  for (const segment of earlier) {
    while (at < present.length && present[at] !== segment && isWrapping(present[at]!)) {
      if (present[at]!.startsWith('<') && segment.startsWith('<')) return false;
      at += 1;
    }
    if (present[at] === segment) at += 1;
    else if (!isWrapping(segment) || present[at] === '{key}') return false;
  }
  return true;
}

/** Is a part of a path the name of a field? */
export function isNameSegment(segment: string): boolean {
  return !/^[[{<*]/.test(segment);
}

function isWrapping(segment: string): boolean {
  return segment === '[]' || segment === '{}' || segment.startsWith('<');
}

function extend(parent: string, segment: string): string {
  return parent === ROOT_PATH ? segment : parent + segment;
}
