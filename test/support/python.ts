import { spawnSync } from 'node:child_process';

/** The interpreter that has the oracles' packages (scripts/install-extended-parts.sh); undefined where it is not. */
export const PYTHON = process.env.NEUROFLARE_PYTHON;

/** Runs a Python program and returns what it printed as JSON. */
export function python<T>(program: string, ...args: readonly string[]): T {
  const { status, stdout, stderr } = spawnSync(PYTHON ?? 'python3', ['-c', program, ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as T;
}
