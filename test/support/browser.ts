/**
 * A real Chromium for tests, driven through playwright-core: Debian's (`apt-get install chromium`), or the one that
 * CHROMIUM names. Where there is none, tests that need one are skipped and say so.
 */
import { accessSync, constants } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

const PLACES = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser'];

/** Where Chromium is; null where there is none. */
export const CHROMIUM = PLACES.find((place) => place !== undefined && isExecutable(place)) ?? null;

/** What a test is called that needs a browser. */
export const WITHOUT_CHROMIUM =
  CHROMIUM === null ? ' (skipped: there is no chromium; apt-get install chromium)' : '';

export async function openBrowser(): Promise<Browser> {
  if (CHROMIUM === null) throw new Error('there is no chromium');
  return await chromium.launch({
    executablePath: CHROMIUM,
    // As root, and without the shared memory that a container may not have.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
