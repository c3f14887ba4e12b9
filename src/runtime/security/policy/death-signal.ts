import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
let found: readonly string[] | undefined;

/**
 * Words before a command that is to be killed by the kernel when its parent is: `setpriv` of util-linux (2.33 or later), a system
 * call that Node.js has no way to. Elsewhere there are none: a script that computes without a pause then outlives a client
 * that was killed, until the next one starts and ends it.
 */
export async function untilParentEnds(): Promise<readonly string[]> {
  // Where there is none it may have been installed meanwhile.
  if (!found || found.length === 0) found = await look();
  return found;
}

async function look(): Promise<readonly string[]> {
  if (process.platform !== 'linux') return [];
  const [program, ...words] = ['setpriv', '--pdeathsig', 'KILL'] as const;
  return run(program, [...words, 'true']).then(
    () => [program, ...words],
    () => [],
  );
}
