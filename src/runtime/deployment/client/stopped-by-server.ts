import { flError } from '../../base/errors/errors.ts';

/** Why work ends that nobody waits for any more. */
export function stoppedByServer() {
  return flError('NF_INTERRUPTED', { signal: 'the server', hint: '' });
}
