/**
 * Tidies the OpenAPI document: the generator lists each named schema twice, as what comes in and as what goes out.
 * Kept is what some route refers to; what comes in only loses the ending that told the two apart.
 */
type Json = Readonly<Record<string, unknown>>;

const REFERENCE = /"#\/components\/schemas\/([A-Za-z]+)"/g;
const INPUT = /Input$/;

/** The document with those schemas alone that its paths lead to. */
export function tidied<D extends object>(document: D): D {
  const { paths, components } = document as { readonly paths?: Json; readonly components?: Json };
  const all = (components?.['schemas'] ?? {}) as Json;
  const used = new Set<string>();
  const visit = (part: unknown): void => {
    for (const [, name] of JSON.stringify(part ?? null).matchAll(REFERENCE)) {
      if (name === undefined || used.has(name)) continue;
      used.add(name);
      visit(all[name]);
    }
  };
  visit(paths);
  const schemas = Object.fromEntries([...used].sort().map((name) => [name, all[name]]));
  return renamed({ ...document, components: { ...components, schemas } }, used);
}

/** Where only what comes in is used, it gets the plain name. */
function renamed<D extends object>(document: D, used: ReadonlySet<string>): D {
  const plain = new Map(
    [...used].flatMap((name) => {
      const short = name.replace(INPUT, '');
      return short !== name && !used.has(short) ? [[name, short] as const] : [];
    }),
  );
  return JSON.parse(JSON.stringify(document), (_key, value: unknown) => {
    if (typeof value === 'string')
      return value.replace(
        /^(#\/components\/schemas\/)(.+)$/,
        (_, at: string, name: string) => at + (plain.get(name) ?? name),
      );
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [plain.get(key) ?? key, each]));
  }) as D;
}
