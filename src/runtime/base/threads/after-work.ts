/** Seconds of the clock that a second of work may take: a busy machine is slow, and what waits for ever is no work. */
const MOST_WAIT = 10;
/** Of the time that is given, how much is waited at least before work is looked at again. */
const LEAST_WAIT = 0.1;

/**
 * Calls `end` once this process has computed for so many seconds, of which a thread of it cannot have had more: a machine that is busy with other things
 * does not make what is asked of it more. Ten times as long by the clock is the most.
 * @param worked seconds that the process has computed for
 * @returns what calls it off
 */
export function afterWork(seconds: number, end: () => void, worked = workedSeconds): () => void {
  const began = worked();
  let passed = 0;
  let timer: NodeJS.Timeout | undefined;
  const wait = (more: number) => {
    timer = setTimeout(() => {
      passed += more;
      const left = seconds - (worked() - began);
      if (left <= 0 || passed >= MOST_WAIT * seconds) end();
      else wait(Math.max(left, LEAST_WAIT * seconds));
    }, more * 1000);
  };
  wait(seconds);
  return () => clearTimeout(timer);
}

function workedSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
