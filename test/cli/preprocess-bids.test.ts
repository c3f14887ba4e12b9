import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startCli } from '../support/cli.ts';
import { runCli, runJson } from '../support/one-process.ts';
import { writeFiles } from '../support/write-files.ts';
import { makeFolder, makeSource } from '../unit/preprocess/image/made-pictures.ts';

async function madeFolder(): Promise<{ cwd: string }> {
  const cwd = await makeFolder();
  await makeSource(join(cwd, 'kaggle'), { glioma_tumor: 12, no_tumor: 12 });
  return { cwd };
}

const bids = (...more: string[]) => ['preprocess', 'bids', 'kaggle', 'bids', ...more];
const split = (...more: string[]) => ['preprocess', 'split', 'bids', ...more];

describe('neuroflare preprocess', () => {
  it('goes from class folders to a split and one tree a site', async () => {
    const here = await madeFolder();
    const made = await runJson(bids('--size', '24', '--quiet'), here);
    expect([made.code, made.stderr]).toEqual([0, '']);
    expect(made.answer.data).toMatchObject({ target: 'bids', images: 24, kept: 24, bad: [] });
    const draw = ['--sites', '2', '--strategy', 'dirichlet', '--alpha', '1', '--seed', '3'];
    const dealt = await runJson(split(...draw, '--out', 'split.json', '--quiet'), here);
    expect(dealt.code).toBe(0);
    expect(dealt.answer.data).toMatchObject({
      sites: [{ name: 'site-1' }, { name: 'site-2' }],
      left_out: [],
    });
    const trees = await runCli(split('--split', 'split.json', '--materialize', 'sites'), here);
    expect(trees.code).toBe(0);
    expect(trees.stdout).toContain('Trees: ');
    expect(await readdir(join(here.cwd, 'sites'))).toEqual(['site-1', 'site-2']);
  });

  it('says after each step what comes next, as a shell takes it', async () => {
    const here = await madeFolder();
    const last = async (...words: string[]) => {
      const { code, stdout } = await runCli([...words, '-q'], here);
      expect(code).toBe(0);
      return stdout.trimEnd().split('\n').at(-1);
    };
    expect(await last('preprocess', 'bids', 'kaggle', 'my bids', '--size', '24')).toBe(
      "Next: neuroflare preprocess check 'my bids'; neuroflare preprocess split 'my bids'",
    );
    const dealt = await last(
      'preprocess',
      'split',
      'my bids',
      '--sites',
      '2',
      '--strategy',
      'iid',
      '--out',
      'split.json',
    );
    expect(dealt).toBe(
      "Next: neuroflare job create FOLDER --template mri-fedavg --set 'data=my bids' --set split=split.json --set 'classes=[glioma,no_tumor]'",
    );
    const heads = ['preprocess', 'phantom', 'my heads', '--sites', '1', '--per-class', '1', '--size', '32'];
    expect(await last(...heads)).toMatch(
      /^Next: neuroflare preprocess split '.*\/my heads' --strategy column$/,
    );
  });

  it('lists all bad images, exits with 4 and leaves nothing', async () => {
    const here = await madeFolder();
    await writeFiles(here.cwd, { 'kaggle/no_tumor/x.jpg': '', 'kaggle/glioma_tumor/new\nline.png': 'text' });
    const failed = await runCli(bids('--quiet'), here);
    expect([failed.code, failed.stdout]).toEqual([4, '']);
    expect(failed.stderr).toContain('2 of 26 files');
    expect(failed.stderr).toContain('glioma_tumor/new\\nline.png: not_an_image');
    expect(failed.stderr).toContain('no_tumor/x.jpg: empty_file');
    expect(failed.stderr).toContain('--skip-bad');
    expect(await readdir(here.cwd)).toEqual(['kaggle']);
    const dry = await runJson(bids('--dry-run', '--quiet'), here);
    expect(dry.code).toBe(1);
    expect(dry.answer.data).toMatchObject({
      target: null,
      bad: [{ code: 'not_an_image' }, { code: 'empty_file' }],
    });
    const skipped = await runCli(bids('--skip-bad', '--quiet'), here);
    expect(skipped.code).toBe(0);
    expect(skipped.stdout).toContain('2 files left out:');
  });

  it('stops on SIGTERM with 143, and the next run goes on and ends with the same table', async () => {
    const here = await madeFolder();
    await makeSource(join(here.cwd, 'kaggle'), { pituitary_tumor: 150 });
    const whole = await runCli(['preprocess', 'bids', 'kaggle', 'whole', '--name', 'x', '-q'], here);
    expect(whole.code).toBe(0);
    const running = startCli(bids('--name', 'x', '--jobs', '1'), here);
    await running.sees('images: ');
    running.child.kill('SIGTERM');
    expect((await running.done).code).toBe(143);
    expect((await readdir(here.cwd)).sort()).toEqual(['bids.partial', 'kaggle', 'whole']);
    const again = await runJson(bids('--name', 'x', '-q'), here);
    expect((again.answer.data as { resumed: number }).resumed).toBeGreaterThan(0);
    const table = (name: string) => readFile(join(here.cwd, name, 'participants.tsv'), 'utf8');
    expect(await table('bids')).toBe(await table('whole'));
    expect((await readdir(here.cwd)).sort()).toEqual(['bids', 'kaggle', 'whole']);
  });

  it('killed in the middle leaves no target, and the next run ends with the same table', async () => {
    const here = await madeFolder();
    await makeSource(join(here.cwd, 'kaggle'), { pituitary_tumor: 150 });
    await runCli(['preprocess', 'bids', 'kaggle', 'whole', '--name', 'x', '-q'], here);
    const running = startCli(bids('--name', 'x', '--jobs', '1'), here);
    await running.sees('images: ');
    running.child.kill('SIGKILL');
    expect((await running.done).code).toBeFalsy();
    expect((await readdir(here.cwd)).sort()).toEqual(['bids.partial', 'kaggle', 'whole']);
    expect((await runCli(bids('--name', 'x', '-q'), here)).code).toBe(0);
    const table = (name: string) => readFile(join(here.cwd, name, 'participants.tsv'), 'utf8');
    expect(await table('bids')).toBe(await table('whole'));
    expect((await readdir(here.cwd)).sort()).toEqual(['bids', 'kaggle', 'whole']);
  });

  it('at the same time as another run of it lets one of them through', async () => {
    const here = await madeFolder();
    const answers = await Promise.all([runJson(bids('-q'), here), runJson(bids('-q'), here)]);
    const codes = answers.map(({ answer }) => answer.error_code ?? 'ok').sort();
    expect(codes).toContain('ok');
    // The other one comes during the first, or after it.
    expect(codes).toEqual([expect.stringMatching(/^NF_PATH_(BUSY|EXISTS)$/), 'ok']);
    expect((await readdir(here.cwd)).sort()).toEqual(['bids', 'kaggle']);
  });

  it('refuses an edited split and bad usage with 4', async () => {
    const here = await madeFolder();
    await runCli(bids('-q'), here);
    await runCli(split('--out', 'split.json', '-q'), here);
    const file = join(here.cwd, 'split.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"seed": 0', '"seed": 9'));
    const edited = await runJson(split('--split', 'split.json', '--materialize', 'sites'), here);
    expect([edited.code, edited.answer.error_code]).toEqual([4, 'NF_SPLIT_HASH']);
    const slip = await runCli(split('--stratgy', 'iid'), here);
    expect([slip.code, slip.stderr]).toEqual([4, expect.stringContaining("'--strategy'")]);
    const both = await runCli(split('--split', 'split.json', '--materialize', 's', '--sites', '4'), here);
    expect([both.code, both.stderr]).toEqual([4, expect.stringContaining('--sites')]);
  });
});
