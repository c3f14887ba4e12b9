import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { renderSummary } from '../../../../src/output/run-summary.ts';
import { simulate } from '../../../../src/runtime/deployment/simulator/simulate.ts';
import { makeReport } from '../../../../src/runtime/evaluation/report/make-report.ts';
import type { RunSummary } from '../../../../src/runtime/run/run-report.ts';
import { writeJob } from '../../../support/job-folder.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

/** Site n scores n + 8 of 20 images of two classes right: all of the first, the rest of the second. */
const COUNTING = `import * as flare from 'neuroflare/client';

await flare.init();
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  const number = Number(flare.siteName().slice('site-'.length));
  const right = number + 8;
  const confusion = [[5, 0], [20 - right, right - 5]];
  const metrics = {
    classes: ['a', 'b'], confusion, num_examples: 20, loss: 0.5, accuracy: right / 20,
    recall: { a: 1, b: (right - 5) / 15 }, balanced_accuracy: (1 + (right - 5) / 15) / 2,
  };
  await flare.send(flare.isEvaluate() ? { metrics } : { params, metrics, numExamples: 20 });
}
`;

/** Its loss is the number of its site. */
const PLAIN = `import * as flare from 'neuroflare/client';

await flare.init();
while (await flare.isRunning()) {
  const { params } = await flare.receive();
  const metrics = { loss: Number(flare.siteName().slice('site-'.length)) };
  await flare.send(flare.isEvaluate() ? { metrics } : { params, metrics, numExamples: 5 });
}
`;

async function report(script: string, workflow: object) {
  const folder = join(root, String(count++));
  const job = await writeJob(join(folder, 'job'), {
    script,
    patch: { workflow: { n_clients: 2, num_rounds: 1, cross_site_evaluation: true, ...workflow } },
  });
  const summary: RunSummary = await simulate({
    job,
    workspace: join(folder, 'work'),
    flags: {},
    overrides: [],
    maxClients: 10,
    engine: { choice: 'cpu', gpu: undefined, requireGpu: false },
    observe: () => undefined,
    onLog: () => undefined,
    signal: new AbortController().signal,
  });
  const { report: path } = await makeReport({
    target: summary.run_folder,
    workspace: join(folder, 'work'),
    out: undefined,
  });
  const page = await readFile(path, 'utf8');
  const section = /<section><h2>Models at other sites<\/h2>[\s\S]*?<\/section>/.exec(page)?.[0] ?? '';
  return { section, text: renderSummary(summary), summary };
}

const rowsOf = (section: string) =>
  [...section.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row = '']) =>
    [...row.matchAll(/<t[dh]>(.*?)<\/t[dh]>/g)].map(([, cell = '']) =>
      cell.replace(/(\s|<[^>]+>)+/g, ' ').trim(),
    ),
  );

describe('the table of models and sites in a report', () => {
  let made: Awaited<ReturnType<typeof report>>;
  beforeAll(async () => {
    made = await report(COUNTING, { key_metric: 'accuracy' });
  });

  it('has each model at each site, with the number of images and an interval, and their mean and worst', () => {
    const cells = ['45.0 25.8 to 65.8, n 20', '50.0 29.9 to 70.1, n 20'];
    expect(rowsOf(made.section)).toEqual([
      ['model of', 'mean over sites', 'worst site', 'on site-1', 'on site-2'],
      ['all sites (global)', '47.5', '45.0', ...cells],
      ['site-1', '47.5', '45.0', ...cells],
      ['site-2', '47.5', '45.0', ...cells],
    ]);
    expect(made.section).toContain('<b>45.0</b>');
    expect(made.section.match(/<b>/g)).toHaveLength(2);
  });

  it('stands in the text of a run, too', () => {
    expect(made.text).toMatch(/model of +site-1 \(n 20\) +site-2 \(n 20\)/);
    expect(made.text).toMatch(/global model +0\.450 \(0\.258 to 0\.658\) +0\.500 \(0\.299 to 0\.701\)/);
  });

  it('has the counts of a mean of shares', () => {
    const [global] = made.summary.cross_site_evaluation ?? [];
    expect(global?.scores['site-1']).toMatchObject({
      num_examples: 20,
      shares: {
        accuracy: [[9, 20]],
        balanced_accuracy: [
          [5, 5],
          [4, 15],
        ],
      },
    });
  });

  it('has figures that are no counts without an interval, and the greatest loss as the worst', async () => {
    const { section, text } = await report(PLAIN, { key_metric: 'loss' });
    expect(rowsOf(section)[1]).toEqual(['all sites (global)', '1.500', '2.000', '1.000', '2.000']);
    expect(text).toMatch(/global model +1\.000 +2\.000/);
  });

  it('is not there where the job did not ask for it', async () => {
    const { section } = await report(PLAIN, { key_metric: 'loss', cross_site_evaluation: false });
    expect(section).toBe('');
  });
});
