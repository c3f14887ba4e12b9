import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { toNeuroflareError } from '../../src/runtime/base/errors/errors.ts';
import { putFile } from '../../src/runtime/base/files/files.ts';
import { TINY_SCRIPT, writeJob } from '../support/job-folder.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { makeSource } from '../unit/preprocess/image/made-pictures.ts';

const cwd = tempFolder();
const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/**
 * Runs shell lines where `full/` is a disk of its own with `size` bytes, in a mount namespace that goes when they end; `$NF` is the
 * command line. Returns what they print.
 */
function withSmallDisk(size: string, lines: string): string {
  mkdirSync(join(cwd, 'full'), { recursive: true });
  const script = `mount -t tmpfs -o size=${size} none full || exit 99\n${lines}`;
  const { status, stdout } = spawnSync('unshare', ['-rm', 'sh', '-c', script], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NF: `${process.execPath} ${RUN}` },
  });
  return status === 99 ? 'no disk' : (stdout ?? 'no disk');
}

const FILL = 'dd if=/dev/zero of=full/fill bs=1k 2>/dev/null;';
const LEFT = 'find full -type f';

describe.runIf(process.platform === 'linux')('a full disk', () => {
  it('is told with the path, which Node leaves out', async () => {
    const error = await putFile('/dev/full', 'x').catch(toNeuroflareError);
    expect(error).toMatchObject({
      code: 'NF_DISK_FULL',
      exitCode: 1,
      message: 'No space left on the disk while writing /dev/full.',
    });
  });
});

// Where the system lets nobody mount, there is no full disk to try the commands on.
if (withSmallDisk('64k', 'echo yes') === 'yes\n') {
  describe('on a full disk', () => {
    beforeAll(async () => {
      await makeSource(join(cwd, 'pictures'), { glioma_tumor: 12, no_tumor: 12 });
      // Little in the first round, far more in the second: which round finds no room does not hang on what runs at the same moment.
      const remember =
        'flare.saveState(new Uint8Array(flare.loadState() ? 1_500_000 : 100_000)); const trained';
      await writeJob(join(cwd, 'large'), { script: TINY_SCRIPT.replace('const trained', remember) });
      withSmallDisk('1m', '$NF preprocess bids pictures bids -q');
    });

    it.each([
      ['preprocess phantom full/heads --jobs 3 --per-class 8', '900k', ''],
      ['preprocess phantom full/heads --jobs 1 --per-class 8', '900k', ''],
      ['preprocess split bids --out full/split.json', '64k', FILL],
      ['preprocess split bids --out split.json --materialize full/sites', '64k', FILL],
      ['job create full/job --template mri-fedavg', '64k', FILL],
      ['simulate large --workspace full/work', '64k', FILL],
      ['simulate large --workspace full/work', '12k', ''],
    ])('%s says so and leaves nothing', (words, size, before) => {
      const lines = `${before} $NF ${words} --json; echo $?; rm -f full/fill split.json; ${LEFT}`;
      const [answer = '', code, ...left] = withSmallDisk(size, lines).trimEnd().split('\n');
      expect(JSON.parse(answer)).toMatchObject({
        exit_code: 1,
        error_code: 'NF_DISK_FULL',
        message: expect.stringContaining('full/'),
      });
      expect([code, ...left]).toEqual(['1']);
    });

    it.each([
      'preprocess bids pictures full/bids',
      'preprocess phantom full/heads',
      'preprocess split bids --out full/split.json',
      'preprocess split bids --out full/sites/split.json',
      'job create full/job --template mri-fedavg',
      'simulate large --workspace full/work',
    ])('%s says so of a disk that is read-only, and what to do', (words) => {
      const lines = `mount -o remount,ro full; $NF ${words} --json; echo $?; ${LEFT}`;
      const [answer = '', code, ...left] = withSmallDisk('64k', lines).trimEnd().split('\n');
      expect(JSON.parse(answer)).toMatchObject({
        exit_code: 4,
        error_code: expect.stringMatching(/^NF_PATH_(DENIED|UNUSABLE)$/),
        hint: expect.stringContaining('another'),
        location: { file: expect.stringContaining('full') },
      });
      expect([code, ...left]).toEqual(['4']);
    });

    it('preprocess bids goes on when there is room again', () => {
      const command = '$NF preprocess bids pictures full/bids --json';
      const lines = `${command}; rm -f full/fill; ${command}; ls full`;
      const printed = withSmallDisk(
        '1m',
        `dd if=/dev/zero of=full/fill bs=1k count=960 2>/dev/null; ${lines}`,
      );
      const [failed = '', done = '', ...left] = printed.trimEnd().split('\n');
      expect(JSON.parse(failed)).toMatchObject({ exit_code: 1, error_code: 'NF_DISK_FULL' });
      const { resumed, kept } = JSON.parse(done).data;
      expect([kept, resumed > 0, left]).toEqual([24, true, ['bids']]);
    });

    it('simulate goes on when there is room again', () => {
      const command = '$NF simulate large --workspace full/work --json';
      const lines = `dd if=/dev/zero of=full/fill bs=1k count=8500 2>/dev/null;
        ${command}; rm -f full/fill; ${command} --resume; find full -name '*.tmp' -o -name '*.lock'`;
      const [failed = '', done = '', ...left] = withSmallDisk('10m', lines).trimEnd().split('\n');
      // A site that keeps its state, or the journal: whoever comes first finds no room.
      expect(JSON.parse(failed)).toMatchObject({
        exit_code: 1,
        error_code: 'NF_DISK_FULL',
        message: expect.stringMatching(/^No space left on the disk while writing .*full\/work\/.+\.$/),
      });
      expect(JSON.parse(done)).toMatchObject({ exit_code: 0, data: { status: 'finished' } });
      expect(left).toEqual([]);
    });
  });
}
