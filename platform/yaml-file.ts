/**
 * A YAML file that remembers its lines, so that every complaint can say where; `${NAME}` in its values is
 * replaced once. Knows nothing of what the settings mean. Errors name settings, never their values.
 */
import { isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type { Document, Node, Pair, Scalar } from 'yaml';
import { GauzeError, GauzeErrors } from './errors.ts';
import type { ErrorCode } from './errors.ts';

/** Steps from the root to a setting. */
export type SettingPath = readonly PropertyKey[];

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
/** `scheme://user:secret@`, where the secret is written out. */
const URL_WITH_SECRET = /:\/\/[^/@\s]*:(?!\$\{)[^/@\s]+@/;

export class YamlFile {
  readonly #file: string;
  readonly #document: Document;
  readonly #lines: LineCounter;
  /** Values as written, before variables were replaced, by setting. */
  readonly #written = new Map<string, string>();
  readonly #unresolved = new Set<string>();

  private constructor(file: string, document: Document, lines: LineCounter) {
    this.#file = file;
    this.#document = document;
    this.#lines = lines;
  }

  /** @throws GauzeErrors ERR_CONFIG_SYNTAX for each fault, also where the file is not a map of settings */
  static parse(file: string, source: string): YamlFile {
    const lines = new LineCounter();
    const document = documentOf(source, lines);
    const faults = document === null ? [0] : faultsOf(document);
    if (document === null || faults.length > 0) {
      throw new GauzeErrors(
        faults.map(
          (offset) =>
            new GauzeError('ERR_CONFIG_SYNTAX', {
              file,
              line: Math.max(1, lines.linePos(offset).line),
              expected: 'YAML',
            }),
        ),
      );
    }
    return new YamlFile(file, document, lines);
  }

  /**
   * Replaces `${NAME}` in all values (not in names). A value whose variable is not set becomes the `standIn` of its
   * setting, where that has one.
   * @returns ERR_CONFIG_VARIABLE_MISSING for each that is not set and has none
   */
  substitute(
    variable: (name: string) => string | undefined,
    standIn: (setting: string) => string | undefined = () => undefined,
  ): readonly GauzeError[] {
    const errors: GauzeError[] = [];
    this.#eachText((node, name) => {
      this.#written.set(name, node.value);
      const instead = standIn(name);
      const names = [...node.value.matchAll(VARIABLE)].map(([, variableName]) => variableName!);
      if (instead !== undefined && names.some((each) => variable(each) === undefined)) {
        node.value = instead;
        return;
      }
      node.value = node.value.replace(VARIABLE, (whole, variableName: string) => {
        const value = variable(variableName);
        if (value !== undefined) return value;
        this.#unresolved.add(name);
        const line = this.#lineOf(node);
        errors.push(
          new GauzeError('ERR_CONFIG_VARIABLE_MISSING', { file: this.#file, line, setting: variableName }),
        );
        return whole;
      });
    });
    return errors;
  }

  /** True for a setting, or an item of a list, whose variable is not set: nothing more can be said of it. */
  isUnresolved(name: string): boolean {
    return this.#unresolved.has(name) || this.#unresolved.has(name.replace(/\.\d+$/, ''));
  }

  /** Settings that hold a secret in the file: named like one, or an address with a password written out. */
  inlineSecrets(words: RegExp): readonly SettingPath[] {
    return [...this.#written]
      .filter(([name, written]) => {
        const last = name.slice(name.lastIndexOf('.') + 1);
        return (words.test(last) && !/^\$\{\w+\}$/.test(written)) || URL_WITH_SECRET.test(written);
      })
      .map(([name]) => name.split('.'));
  }

  /** The file as plain data. */
  value(): unknown {
    return this.#document.toJS();
  }

  has(setting: SettingPath): boolean {
    return this.#document.hasIn(setting) && this.#document.getIn(setting) !== null;
  }

  /** An error about `setting`, with the line of it or of what should hold it. */
  error(code: ErrorCode, setting: SettingPath, expected?: string, nearest?: string): GauzeError {
    return new GauzeError(code, {
      file: this.#file,
      line: this.line(setting),
      setting: setting.map(String).join('.'),
      ...(expected === undefined ? {} : { expected }),
      ...(nearest === undefined ? {} : { nearest }),
    });
  }

  /** Line of the setting's name, or of the nearest thing above it that is there; counted from 1. */
  line(setting: SettingPath): number {
    for (let length = setting.length; length > 0; length -= 1) {
      const parent = this.#document.getIn(setting.slice(0, length - 1), true);
      const step = setting[length - 1];
      if (isMap(parent)) {
        const pair = parent.items.find(
          (item) => isScalar(item.key) && String(item.key.value) === String(step),
        );
        if (pair) return this.#lineOf(pair.key as Node);
      } else {
        const node = this.#document.getIn(setting.slice(0, length), true);
        if (isNode(node)) return this.#lineOf(node);
      }
    }
    return 1;
  }

  #lineOf(node: Node): number {
    return this.#lines.linePos(node.range?.[0] ?? 0).line;
  }

  /** Calls `use` for each text that is a value, with the dotted name of its setting. */
  #eachText(use: (node: Scalar<string>, name: string) => void): void {
    visit(this.#document, {
      Scalar: (place, node, ancestors) => {
        if (place === 'key' || typeof node.value !== 'string') return;
        const steps = ancestors.filter((ancestor): ancestor is Pair => 'key' in ancestor);
        const name = steps.map((pair) => (isScalar(pair.key) ? String(pair.key.value) : '?')).join('.');
        use(node as Scalar<string>, name);
      },
    });
  }
}

/** Null where the library gives up instead of naming a fault: for what is nested without end. */
function documentOf(source: string, lines: LineCounter): Document | null {
  try {
    return parseDocument(source, { lineCounter: lines });
  } catch {
    return null;
  }
}

/** Where the faults are, as offsets; an alias without its anchor is one, and so are aliases without end. */
function faultsOf(document: Document): readonly number[] {
  const faults = [...document.errors, ...document.warnings].map((fault) => fault.pos[0]);
  if (faults.length > 0) return faults;
  if (!isMap(document.contents)) return [0];
  try {
    document.toJS();
    return [];
  } catch {
    const aliases: number[] = [];
    visit(document, {
      Alias: (_, node) => {
        if (!node.resolve(document)) aliases.push(node.range?.[0] ?? 0);
      },
    });
    return aliases.length > 0 ? aliases : [0];
  }
}
