import { beforeAll, describe, expect, it } from 'vitest';
import { runCli, runJson, startCli } from '../support/cli.ts';
import { interruptInTerminal } from '../support/own-terminal.ts';
import { leftovers } from '../support/run-files.ts';
import { tempFolder } from '../support/temp-folder.ts';

const cwd = tempFolder();
const here = { cwd };

/** Rounds that would go on for hours, with native code at work nearly all the time. */
beforeAll(async () => {
  const phantom = ['--sites', '2', '--per-class', '3', '--size', '24', '-q'];
  await runCli(['preprocess', 'phantom', 'bids', ...phantom], here);
  await runCli(['preprocess', 'split', 'bids', '--strategy', 'column', '-q'], here);
  const create = (name: string, ...more: string[]) => {
    const sets = ['data=bids', 'split=split.json', 'image_size=32', 'local_epochs=100000', ...more];
    const set = sets.flatMap((one) => ['--set', one]);
    return runCli(['job', 'create', name, '--template', 'mri-fedavg', ...set], here);
  };
  await create('endless');
  await create('late', 'task_timeout=2');
});

describe('a simulation in the middle of native code', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends in order on %s', async (signal, code) => {
    const running = startCli(['simulate', 'endless'], here);
    await running.sees('Running in');
    await new Promise((resolve) => setTimeout(resolve, 700 + 300 * Math.random()));
    running.child.kill(signal);
    const { code: found, stderr } = await running.done;
    expect([found, stderr]).toEqual([code, expect.stringMatching(/--resume\.\n {2}code: NF_INTERRUPTED\n$/)]);
    expect(leftovers(`${cwd}/work`)).toEqual([]);
  });

  it('ends a script that takes too long', async () => {
    const { code, answer, stderr } = await runJson(['simulate', 'late'], here);
    expect([code, answer.error_code]).toEqual([1, 'NF_SCRIPT_TIMEOUT']);
    expect(stderr).not.toContain('terminate');
  });
});

describe.runIf(process.platform === 'linux')('a terminal', () => {
  it.each([
    ['preprocess phantom heads --per-class 100 --size 64', 'volumes ['],
    ['simulate endless', 'site-1'],
  ])('is left as it was by %s', async (words, shown) => {
    const screen = await interruptInTerminal(words, shown, here);
    expect(screen).toContain('code 130');
    expect(screen.lastIndexOf('\u001b[?25l')).toBeLessThanOrEqual(screen.lastIndexOf('\u001b[?25h'));
    expect(screen.lastIndexOf('\u001b[?7l')).toBeLessThanOrEqual(screen.lastIndexOf('\u001b[?7h'));
  });
});
