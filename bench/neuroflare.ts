import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** The command line, as built. */
export const RUN = join(import.meta.dirname, '../bin/run.js');

/** Runs a command to its end, for what a bench needs beforehand. */
export function neuroflare(line: string, { cwd }: { cwd: string }): void {
  execFileSync(process.execPath, [RUN, ...line.split(' ')], { cwd, stdio: 'ignore' });
}
