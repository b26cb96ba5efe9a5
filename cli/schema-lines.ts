/**
 * Which line of an .avsc file a field stands on, so that complaints about a path can say where.
 * It reads the text loosely and judges nothing: what is wrong with a schema is for parse-avro.ts to say.
 */
import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Node, YAMLMap } from 'yaml';
import { ROOT_PATH, fieldPath, itemsPath, keyPath, valuesPath } from '../schemas/field-path.ts';
import { jsonFaultLine } from './json-fault.ts';

/** Deeper than any schema that parse-avro.ts takes. */
const DEPTH_LIMIT = 80;
const NAMED = new Set(['record', 'error', 'enum', 'fixed']);

interface Place {
  readonly path: string;
  readonly namespace: string;
  readonly depth: number;
}

export class SchemaLines {
  readonly #counter = new LineCounter();
  readonly #lines = new Map<string, number>();
  readonly #definitions = new Map<string, YAMLMap>();
  readonly #syntaxLine: number;

  constructor(text: string) {
    this.#syntaxLine = syntaxLine(text);
    // JSON is YAML (YAML 1.2, section 1.3), and this reader keeps positions.
    const { contents } = parseDocument(text, { lineCounter: this.#counter });
    this.#visit(contents, { path: ROOT_PATH, namespace: '', depth: 0 });
  }

  /** The line of `path`, of the nearest place above it that is known, or of the fault in the JSON; from 1. */
  line(path: string): number {
    for (let at = path; at !== ''; at = at.replace(/(?:[.]?[^.[\]{}<>]+|\[\]|\{[^}]*\}|<[^>]*>)$/, '')) {
      const line = this.#lines.get(at);
      if (line !== undefined) return line;
      if (at === ROOT_PATH) break;
    }
    return this.#syntaxLine;
  }

  #visit(node: unknown, place: Place): void {
    if (place.depth > DEPTH_LIMIT) return;
    if (isSeq(node)) return this.#union(node.items, place);
    if (isScalar(node)) {
      const definition = this.#definition(String(node.value), place.namespace);
      if (definition) this.#fields(definition, { ...place, depth: place.depth + 1 });
      return;
    }
    if (!isMap(node)) return;
    const type = node.get('type', true);
    if (!isScalar(type)) return this.#visit(type, { ...place, depth: place.depth + 1 });
    const deeper = { ...place, depth: place.depth + 1 };
    const kind = String(type.value);
    if (kind === 'array') this.#visit(node.get('items', true), { ...deeper, path: itemsPath(place.path) });
    else if (kind === 'map') {
      this.#note(keyPath(place.path), node);
      this.#visit(node.get('values', true), { ...deeper, path: valuesPath(place.path) });
    } else if (NAMED.has(kind)) {
      this.#definitions.set(fullName(node, place.namespace), node);
      this.#fields(node, place);
    } else this.#visit(type, place);
  }

  #fields(record: YAMLMap, place: Place): void {
    const fields = record.get('fields', true);
    if (!isSeq(fields)) return;
    const full = fullName(record, place.namespace);
    const namespace = full.slice(0, Math.max(0, full.lastIndexOf('.')));
    for (const field of fields.items) {
      if (!isMap(field)) continue;
      const path = fieldPath(place.path, String(field.get('name')));
      this.#note(path, field);
      this.#visit(field.get('type', true), { path, namespace, depth: place.depth + 1 });
    }
  }

  #union(branches: readonly unknown[], place: Place): void {
    const carrying = branches.filter((branch) => !(isScalar(branch) && branch.value === 'null'));
    for (const branch of carrying) {
      const name = carrying.length < 2 ? '' : `<${this.#branchName(branch, place.namespace)}>`;
      const path = place.path === ROOT_PATH && name !== '' ? name : place.path + name;
      this.#visit(branch, { ...place, path, depth: place.depth + 1 });
    }
  }

  #branchName(branch: unknown, namespace: string): string {
    if (isScalar(branch)) {
      const definition = this.#definition(String(branch.value), namespace);
      return definition ? fullName(definition, namespace) : String(branch.value);
    }
    if (!isMap(branch)) return '';
    const kind = String(branch.get('type'));
    return NAMED.has(kind) ? fullName(branch, namespace) : kind;
  }

  #definition(name: string, namespace: string): YAMLMap | undefined {
    return this.#definitions.get(`${namespace}.${name}`) ?? this.#definitions.get(name);
  }

  #note(path: string, node: Node): void {
    if (!this.#lines.has(path)) this.#lines.set(path, this.#counter.linePos(node.range?.[0] ?? 0).line);
  }
}

function fullName(node: YAMLMap, above: string): string {
  const name = String(node.get('name'));
  const namespace = typeof node.get('namespace') === 'string' ? String(node.get('namespace')) : above;
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

/** Where the text stops being JSON; 1 where it is JSON. */
function syntaxLine(text: string): number {
  try {
    JSON.parse(text);
    return 1;
  } catch {
    return jsonFaultLine(text);
  }
}
