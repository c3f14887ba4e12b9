import { spawnSync } from 'node:child_process';

/** Python 3 of this machine, of which tests use the standard library alone; undefined where there is none. */
export const SYSTEM_PYTHON = found();

function found(): string | undefined {
  const program = '/usr/bin/python3';
  const { status } = spawnSync(program, ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))']);
  return status === 0 ? program : undefined;
}
