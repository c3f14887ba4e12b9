import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { closedTo } from '../../../src/runtime/security/policy/job-user.ts';
import { jobWalls, type WallPolicy } from '../../../src/runtime/security/policy/job-walls.ts';
import { isOpenToOthers } from '../../support/as-nobody.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const tools = tempFolder();
const path = process.env.PATH;
const SECONDS = 1000;
const reach = { work: tools };

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
    await expect(jobWalls(policy, reach)).rejects.toMatchObject({ code: 'NF_JOB_WALLS' });
    await haveTools({ setpriv: WORKS, unshare: WORKS });
    await expect(jobWalls(policy, reach), 'at once').rejects.toMatchObject({ code: 'NF_JOB_WALLS' });
    vi.advanceTimersByTime(60 * SECONDS);
    expect((await jobWalls(policy, reach)).words).toContain('unshare');
  });

  it('are looked for again where there were less than the policy asks for', async () => {
    const policy: WallPolicy = { isolate: true, network: 'none', run_as: 'client' };
    await haveTools({ setpriv: FAILS, unshare: FAILS });
    const less = await jobWalls(policy, reach);
    expect(less.missing).toHaveLength(1);
    await haveTools({ setpriv: WORKS, unshare: WORKS });
    vi.advanceTimersByTime(60 * SECONDS);
    const { missing, words } = await jobWalls(policy, reach);
    expect(missing).toEqual([]);
    expect(words.slice(0, 3)).toEqual(['setpriv', '--pdeathsig', 'KILL']);
  });

  it('that are whole are looked for once', async () => {
    const policy: WallPolicy = { isolate: true, network: 'none', run_as: { uid: 1, gid: 1 } };
    await haveTools({ setpriv: WORKS, unshare: WORKS });
    const whole = await jobWalls(policy, reach);
    vi.advanceTimersByTime(3600 * SECONDS);
    expect(await jobWalls(policy, reach)).toBe(whole);
  });
});

/** Of no account, and in no group, that owns anything. */
const NOBODY = { uid: 61_110, gid: 61_110 };
const isRoot = process.geteuid?.() === 0;
const isOpen = await isOpenToOthers();

// Where another user cannot come to the code he needs no right for the data: there is nothing to look at then.
if (process.platform !== 'win32' && isOpen)
  describe("the data of a site and the jobs' own user", () => {
    let data: string;
    beforeEach(async () => {
      data = await mkdtemp(join(tmpdir(), 'neuroflare-open-'));
      await mkdir(join(data, 'sub-01/anat'), { recursive: true });
      await writeFile(join(data, 'sub-01/anat/scan.nii'), '');
      for (const path of ['', 'sub-01', 'sub-01/anat']) await chmod(join(data, path), 0o755);
      await chmod(join(data, 'sub-01/anat/scan.nii'), 0o644);
    });
    afterEach(() => rm(data, { recursive: true, force: true }));
    const closed = () => closedTo(NOBODY, { work: tmpdir(), data });

    it('are open to it where all may read them', async () => {
      expect(await closed()).toBeUndefined();
    });

    it.each([
      ['', 0o700],
      ['sub-01', 0o744],
      ['sub-01/anat', 0o711],
      ['sub-01/anat/scan.nii', 0o640],
    ])("are closed to it by '%s' of mode %o, which is named", async (path, mode) => {
      await chmod(join(data, path), mode);
      expect(await closed()).toBe(path === '' ? data : join(data, path));
    });

    it.runIf(isRoot)(
      'take the right to read all files from it where it needs none, else it is said',
      async () => {
        await haveTools({ setpriv: WORKS, unshare: WORKS });
        const policy: WallPolicy = { isolate: true, network: 'none', run_as: 'own' };
        const open = await jobWalls(policy, { work: tmpdir(), data });
        expect(open.words.join(' ')).not.toContain('dac_read_search');
        expect(open.words.join(' ')).toContain('--bounding-set -all');
        expect(open.missing).toEqual([]);
        await chmod(join(data, 'sub-01/anat/scan.nii'), 0o600);
        const less = await jobWalls(policy, { work: tmpdir(), data: `${data}/` });
        expect(less.words.join(' ')).toContain('+dac_read_search');
        expect(less.missing).toEqual([expect.stringContaining('scan.nii is closed to their user 61110')]);
      },
    );
  });
