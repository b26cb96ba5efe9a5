/**
 * Loaded before a program (`node --import`): its clock jumps two hours ahead at SIGUSR2, two hours behind at the next,
 * and back at the third. Only Date jumps; durations are measured by a clock that never does.
 */
const HOURS_2_MS = 7_200_000;
const JUMPS_MS = [HOURS_2_MS, -HOURS_2_MS, 0];

const now = Date.now.bind(Date);
let jumps = 0;

Date.now = () => now() + (jumps === 0 ? 0 : JUMPS_MS[(jumps - 1) % JUMPS_MS.length]!);
process.on('SIGUSR2', () => {
  jumps++;
});
