import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Config, Parser } from '@oclif/core';
import { describe, expect, it } from 'vitest';
import { inOurWords } from '../../src/output/nvflare-words.ts';
import { commandsOf, ROOT, wordsOf } from '../support/docs-commands.ts';
import { runCli } from '../support/one-process.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { makeSource } from '../unit/preprocess/image/made-pictures.ts';

const config = await Config.load({ root: ROOT });

const inFolders = (folder: string) =>
  readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${folder}/${name}/README.md`);
const docs = readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`);
const PAGES = ['README.md', 'CONTRIBUTING.md', ...docs, ...inFolders('templates'), ...inFolders('jobs')];

const all = PAGES.flatMap((page) => commandsOf(page).map((words): [string, string] => [page, words]));

describe('a command in the documentation', () => {
  it('is found', () => {
    expect(all.length).toBeGreaterThan(30);
    expect(new Set(all.map(([page]) => page))).toContain('README.md');
  });

  it.each(all)('of %s parses: %s', async (_page, line) => {
    const words = wordsOf(line);
    const length = [3, 2, 1].find((count) => config.findCommand(words.slice(0, count).join(':'))) ?? 0;
    const command = await config.findCommand(words.slice(0, length).join(':'), { must: true }).load();
    const { args, flags, baseFlags, strict } = command;
    const known = { args, flags: { ...baseFlags, ...flags }, strict };
    const spelled = inOurWords({ id: command.id, flags: flags ?? {}, args: args ?? {} }, words.slice(length));
    const { argv } = await Parser.parse(spelled, known);
    expect(argv.length).toBeGreaterThanOrEqual(Object.values(args).filter(({ required }) => required).length);
  });
});

describe('the journey of the README', () => {
  const cwd = tempFolder();

  it('runs as it stands, shortened to one round', async () => {
    const classes = { glioma_tumor: 12, meningioma_tumor: 12, no_tumor: 12, pituitary_tumor: 12 };
    await makeSource(join(cwd, 'kaggle', 'Training'), classes);
    // What the demo shows it runs itself.
    const own = commandsOf('README.md').filter((line) => !line.includes('demo/'));
    // Those that need a federation, test/extended/poc.test.ts runs.
    const journey = own.filter((line) => /^(preprocess|job (create|validate)|simulate)/.test(line));
    expect(journey.length).toBeGreaterThanOrEqual(5);
    for (const line of journey.filter((one) => !one.includes('--resume'))) {
      const words = wordsOf(line.replace('num_rounds=20', 'num_rounds=1 --set local_epochs=1'));
      const { code, stderr } = await runCli(words, { cwd });
      expect([line, code, stderr]).toEqual([line, 0, expect.not.stringContaining('Error')]);
    }
  });
});
