/**
 * Loaded before a program (`node --import`): its clock jumps two hours ahead at SIGUSR2, two hours behind at the next,
 * and back at the third. Loaded with `?ahead` it is ahead from the start: a program that is still being loaded would end
 * by the signal. Only Date jumps; durations are measured by a clock that never does.
 */
const HOURS_2_MS = 7_200_000;
const JUMPS_MS = [HOURS_2_MS, -HOURS_2_MS, 0];

const now = Date.now.bind(Date);
let jumps = new URL(import.meta.url).searchParams.has('ahead') ? 1 : 0;

Date.now = () => now() + (jumps === 0 ? 0 : JUMPS_MS[(jumps - 1) % JUMPS_MS.length]!);
process.on('SIGUSR2', () => {
  jumps++;
});
