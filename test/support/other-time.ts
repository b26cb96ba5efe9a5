/**
 * Loaded into a process of gauze before its own code (`node --import other-time.ts?offMs=...`): a machine whose clock of
 * the day is wrong by so many milliseconds. Durations are right, as they are on such a machine.
 */
const offMs = Number(new URL(import.meta.url).searchParams.get('offMs'));
const right = Date.now.bind(Date);
Date.now = () => right() + offMs;
