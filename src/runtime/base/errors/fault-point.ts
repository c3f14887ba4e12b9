/** `NAME` or `NAME@N`: the place, and at which of the times it is passed (from 1). */
const [wanted, times = '1'] = (process.env.NEUROFLARE_FAULT ?? '').split('@');
let passed = 0;

/** Ends this process as `kill -9` would, where NEUROFLARE_FAULT names this place: for tests of what a crash leaves behind. */
export function faultPoint(name: string): void {
  if (name !== wanted) return;
  passed += 1;
  if (passed === Number(times)) process.kill(process.pid, 'SIGKILL');
}
