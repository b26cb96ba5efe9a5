/**
 * What the kernel knows of a process: its processor time and its memory. Linux alone has /proc; nothing is guessed
 * elsewhere.
 */
import { readFile } from 'node:fs/promises';

/** Kernel clock ticks per second in /proc; fixed at 100 on Linux. */
const TICKS_PER_SECOND = 100;

/** User and system time of all threads from the start of the process. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory now, and the most that there was. */
export async function memoryOf(
  pid: number,
): Promise<{ readonly residentMiB: number; readonly peakMiB: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (name: string): number =>
    Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024);
  return { residentMiB: mebibytes('VmRSS'), peakMiB: mebibytes('VmHWM') };
}
