/**
 * Adds to package-lock.json the optional packages of other platforms that its packages name and it lacks.
 * npm leaves them out where the registry it sees does not offer them, and then `npm ci` refuses the lock everywhere.
 * Usage: node scripts/complete-lockfile.ts; run it after each `npm install` that was made behind such a registry.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const FILE = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(FILE, 'utf8')) as { packages: Record<string, LockedPackage> };
const packages = { ...lock.packages };

for (const [where, parent] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (packages[`${where}/node_modules/${name}`] || packages[`node_modules/${name}`]) continue;
    const platform = platformOf(name);
    if (platform && /^\d/.test(version)) {
      packages[`node_modules/${name}`] = {
        version,
        ...(parent.dev ? { dev: true } : {}),
        optional: true,
        ...platform,
      };
    }
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);

/** Operating system, processor and C library out of a package's name; null where the name does not say. */
function platformOf(name: string): Pick<LockedPackage, 'os' | 'cpu' | 'libc'> | null {
  const word = name.split('/').at(-1) ?? '';
  const os = /(android|darwin|freebsd|linux|openharmony|win32)/.exec(word)?.[1];
  const cpu = /(arm64|x64|ia32|ppc64|riscv64|s390x|loong64|arm(?!64))/.exec(word)?.[1];
  if (!os || !cpu) return null;
  const libc = word.includes('musl') ? ['musl'] : os === 'linux' && word.includes('gnu') ? ['glibc'] : null;
  return { os: [os], cpu: [cpu], ...(libc ? { libc } : {}) };
}
