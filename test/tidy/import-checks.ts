/**
 * The checks on imports: rooms, packages, node:crypto, cycles, barrels. Each takes files and gives back what
 * is wrong with them.
 */
import path from 'node:path';
import { codeText } from './code-text.ts';
import { CRYPTO_FILES, CRYPTO_ROOMS, PACKAGES, ROOMS } from './import-table.ts';
import { lineAt, roomOf } from './source-files.ts';
import type { TextFile, Violation } from './source-files.ts';

interface Import {
  readonly specifier: string;
  readonly line: number;
  /** `import type`: gone when the code runs. */
  readonly typeOnly: boolean;
}

const IMPORT = /\b(?:import|export)\s[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g;

/** All static and dynamic imports of a file; what only looks like one inside a string is none. */
export function importsOf(file: TextFile): readonly Import[] {
  const code = codeText(file.text, 'keep');
  const blanked = codeText(file.text);
  return [...code.matchAll(IMPORT)]
    .filter((match) => blanked[match.index] !== ' ')
    .map((match) => ({
      specifier: match[1] ?? match[2]!,
      line: lineAt(code, match.index + match[0].length),
      typeOnly: /^(import|export)\s+type\b/.test(match[0]),
    }));
}

/** Imports of rooms that the table does not allow. */
export function roomViolations(files: readonly TextFile[]): readonly Violation[] {
  return files.flatMap((file) => {
    const from = roomOf(file.path);
    return importsOf(file)
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier, line }) => ({ line, to: roomOf(resolved(file, specifier)) }))
      .filter(({ to }) => to !== from && !(ROOMS[from] ?? []).includes(to))
      .map(({ line, to }) => ({
        path: file.path,
        line,
        what: `${from}/ imports ${to}/`,
        replacement: `move the code, or hand it in; allowed: ${(ROOMS[from] ?? []).join(', ') || 'nothing of ours'}`,
      }));
  });
}

/** Packages outside the files they are meant for, and packages nobody decided on. */
export function packageViolations(files: readonly TextFile[]): readonly Violation[] {
  return files.flatMap((file) =>
    importsOf(file)
      .filter(({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
      .flatMap(({ specifier, line }) => {
        const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
        const places = PACKAGES[name];
        if (places && ['test/', ...places].some((place) => file.path.startsWith(place))) return [];
        const replacement = places
          ? `use what ${places.join(', ')} offers`
          : 'do without it, or add it to PACKAGES with the room that it is for';
        return [{ path: file.path, line, what: `imports ${name}`, replacement }];
      }),
  );
}

/** Cryptography outside the files it is meant for. */
export function cryptoViolations(files: readonly TextFile[]): readonly Violation[] {
  return files
    .filter((file) => !CRYPTO_ROOMS.includes(roomOf(file.path)) && !(file.path in CRYPTO_FILES))
    .flatMap((file) =>
      importsOf(file)
        .filter(({ specifier }) => /^(node:)?crypto$/.test(specifier))
        .map(({ line }) => ({
          path: file.path,
          line,
          what: 'imports node:crypto',
          replacement: 'use keys/ for keys and hashes, platform/clock.ts for random bytes',
        })),
    );
}

/** Files that import each other in a ring; types alone make none, since they are gone when the code runs. */
export function cycleViolations(files: readonly TextFile[]): readonly Violation[] {
  const graph = new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .filter(({ specifier, typeOnly }) => specifier.startsWith('.') && !typeOnly)
        .map(({ specifier }) => resolved(file, specifier)),
    ]),
  );
  const done = new Set<string>();
  const rings: string[][] = [];
  const visit = (node: string, trail: readonly string[]): void => {
    const start = trail.indexOf(node);
    if (start !== -1) rings.push([...trail.slice(start), node]);
    if (start !== -1 || done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...trail, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return rings.map((ring) => ({
    path: ring[0]!,
    line: 1,
    what: `imports itself by ${ring.join(' -> ')}`,
    replacement: 'move what both need into a third file',
  }));
}

/** Files that only pass on what others export. */
export function barrelViolations(files: readonly TextFile[]): readonly Violation[] {
  return files.flatMap((file) => {
    const code = codeText(file.text);
    const named = /(^|\/)index\.(ts|js)$/.test(file.path) ? [1] : [];
    const passing = [...code.matchAll(/^export\s+(type\s+)?(\*|\{[^}]*\})[^;\n]*\bfrom\b/gm)].map((match) =>
      lineAt(code, match.index),
    );
    return [...named, ...passing].map((line) => ({
      path: file.path,
      line,
      what: 'is a barrel or passes on exports',
      replacement: 'import from the file that defines it',
    }));
  });
}

function resolved(file: TextFile, specifier: string): string {
  return path.posix.normalize(path.posix.join(path.posix.dirname(file.path), specifier));
}
