import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { flError } from '../../../../src/runtime/base/errors/errors.ts';
import { runJobScript } from '../../../../src/runtime/federation/nvflare/run-script.ts';
import { SYSTEM_PYTHON } from '../../../support/system-python.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();

/** A child in a session of its own, as nvflare starts its simulator. */
const SCRIPT = `import os, subprocess, sys, time
child = subprocess.Popen(['sleep', '1000'], start_new_session=True)
with open('begun.part', 'w') as out:
    out.write(str(child.pid))
os.rename('begun.part', 'begun')
time.sleep(1000)
`;

it.skipIf(!SYSTEM_PYTHON || process.platform !== 'linux')(
  'a job script that is stopped ends with the reason, and all that it started with it',
  async () => {
    vi.stubEnv('NEUROFLARE_PYTHON', SYSTEM_PYTHON ?? '');
    await writeFile(join(root, 'job.py'), SCRIPT);
    const stop = new AbortController();
    const ended = runJobScript({
      script: join(root, 'job.py'),
      args: [],
      isQuiet: true,
      signal: stop.signal,
    });
    const told = expect(ended).rejects.toMatchObject({ code: 'NF_INTERRUPTED' });
    await expect.poll(() => existsSync(join(root, 'begun')), { timeout: 20_000 }).toBe(true);
    const pid = Number(await readFile(join(root, 'begun'), 'utf8'));
    stop.abort(flError('NF_INTERRUPTED', { signal: 'SIGTERM' }));
    await told;
    await expect.poll(() => isAlive(pid)).toBe(false);
  },
);

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
