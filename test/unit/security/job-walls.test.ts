import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { jobWalls, type WallPolicy } from '../../../src/runtime/security/policy/job-walls.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const tools = tempFolder();
const path = process.env.PATH;
const SECONDS = 1000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  process.env.PATH = tools;
});
afterEach(() => {
  vi.useRealTimers();
  process.env.PATH = path;
});

/** The tools that a machine has for its walls: those work, or say why not. */
async function haveTools(answers: Readonly<Record<'setpriv' | 'unshare', string>>): Promise<void> {
  for (const [name, answer] of Object.entries(answers)) {
    await writeFile(join(tools, name), `#!/bin/sh\n${answer}\n`);
    await chmod(join(tools, name), 0o755);
  }
}

const WORKS = 'exit 0';
const FAILS = 'echo "not permitted" >&2; exit 1';

describe.runIf(process.platform === 'linux')('the walls of a job process', () => {
  it('that a policy insists on are looked for again, a while after the machine had none', async () => {
    const policy: WallPolicy = { isolate: true, network: 'namespace', run_as: 'client' };
    await haveTools({ setpriv: WORKS, unshare: FAILS });
    await expect(jobWalls(policy)).rejects.toMatchObject({ code: 'NF_JOB_WALLS' });
    await haveTools({ setpriv: WORKS, unshare: WORKS });
    await expect(jobWalls(policy), 'at once').rejects.toMatchObject({ code: 'NF_JOB_WALLS' });
    vi.advanceTimersByTime(60 * SECONDS);
    expect((await jobWalls(policy)).words).toContain('unshare');
  });

  it('are looked for again where there were less than the policy asks for', async () => {
    const policy: WallPolicy = { isolate: true, network: 'none', run_as: 'client' };
    await haveTools({ setpriv: FAILS, unshare: FAILS });
    const less = await jobWalls(policy);
    expect(less.missing).toHaveLength(1);
    await haveTools({ setpriv: WORKS, unshare: WORKS });
    vi.advanceTimersByTime(60 * SECONDS);
    const { missing, words } = await jobWalls(policy);
    expect(missing).toEqual([]);
    expect(words.slice(0, 3)).toEqual(['setpriv', '--pdeathsig', 'KILL']);
  });

  it('that are whole are looked for once', async () => {
    const policy: WallPolicy = { isolate: true, network: 'none', run_as: { uid: 1, gid: 1 } };
    await haveTools({ setpriv: WORKS, unshare: WORKS });
    const whole = await jobWalls(policy);
    vi.advanceTimersByTime(3600 * SECONDS);
    expect(await jobWalls(policy)).toBe(whole);
  });
});
