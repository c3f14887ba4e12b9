import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RunSummary } from '../../../../src/runtime/run/run-report.ts';
import { CROSS_SITE_MODEL, CROSS_SITE_SCRIPT } from '../../../support/cross-site-job.ts';
import { writeJob } from '../../../support/job-folder.ts';
import { summaryOf } from '../../../support/simulate-quietly.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const root = tempFolder();
let count = 0;

async function jobOf(patch: { readonly workflow?: object; readonly task_result_filters?: object[] } = {}) {
  const { workflow = {}, ...rest } = patch;
  const folder = join(root, String(count++));
  return writeJob(join(folder, 'job'), {
    script: CROSS_SITE_SCRIPT,
    patch: {
      workflow: {
        n_clients: 3,
        num_rounds: 2,
        key_metric: 'loss',
        cross_site_evaluation: true,
        ...workflow,
      },
      model: CROSS_SITE_MODEL,
      ...rest,
    },
  });
}

const run = (job: string, over: { readonly set?: string[]; readonly resume?: string } = {}) =>
  summaryOf(job, { workspace: `${job}-work`, ...over });

interface Model {
  readonly weights: readonly number[];
  readonly head: readonly number[];
}
type What = 'all' | 'without the head' | 'the head stays';

/** Losses of all last models at all sites, worked out anew in float64, one number after the other. */
function slowly(rounds: number, what: What): Record<string, Record<string, number>> {
  const sites = [1, 2, 3];
  let global: Model = { weights: [1, 2], head: [0] };
  let last: Model[] = [];
  const own = sites.map(() => global.head);
  const withOwn = (model: Model, site: number): Model =>
    what === 'the head stays' ? { ...model, head: own[site - 1] ?? [] } : model;
  for (let round = 1; round <= rounds; round++) {
    const trained = sites.map((site) => {
      const { weights, head } = withOwn(global, site);
      return {
        weights: weights.map((w) => w + (site - w) / 2),
        head: head.map((h) => h + (10 * site - h) / 2),
      };
    });
    trained.forEach(({ head }, at) => {
      own[at] = head;
    });
    const { head: before } = global;
    last = trained.map((model) => (what === 'all' ? model : { ...model, head: before }));
    // Site n has n examples.
    const mean = (of: (model: Model) => readonly number[]) =>
      of(global).map((_, index) =>
        last.reduce((sum, model, at) => sum + ((of(model)[index] ?? 0) * (at + 1)) / 6, 0),
      );
    global = { weights: mean(({ weights }) => weights), head: mean(({ head }) => head) };
  }
  const loss = (model: Model, site: number) => {
    const { weights, head } = withOwn(model, site);
    const squares = [...weights.map((w) => (w - site) ** 2), ...head.map((h) => (h - 10 * site) ** 2)];
    return squares.reduce((sum, x) => sum + x, 0);
  };
  const rows = [['', global] as const, ...last.map((model, at) => [`site-${at + 1}`, model] as const)];
  return Object.fromEntries(
    rows.map(([name, model]) => [
      name,
      Object.fromEntries(sites.map((site) => [`site-${site}`, loss(model, site)])),
    ]),
  );
}

function expectTable({ cross_site_evaluation: table = [] }: RunSummary, wanted: ReturnType<typeof slowly>) {
  expect(table.map(({ model }) => model ?? '')).toEqual(Object.keys(wanted));
  for (const { model, scores } of table)
    for (const [site, { metrics }] of Object.entries(scores))
      expect(metrics?.loss, `the model of ${model} at ${site}`).toBeCloseTo(
        wanted[model ?? '']?.[site] ?? -1,
        3,
      );
  expect(table.flatMap(({ scores }) => Object.keys(scores))).toHaveLength(12);
}

describe('a simulation whose job asks for cross-site evaluation', () => {
  it.each([
    ['all', {}],
    ['without the head', { task_result_filters: [{ name: 'exclude_vars', exclude_vars: 'head' }] }],
    ['the head stays', { workflow: { local_tensors: ['head'] } }],
  ] as const)('ends with the losses of a slow computation: %s', async (what, patch) => {
    const summary = await run(await jobOf(patch as Parameters<typeof jobOf>[0]));
    expectTable(summary, slowly(2, what));
    const path = join(summary.run_folder, 'cross_site_evaluation.json');
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(summary.cross_site_evaluation);
  });

  it('goes on with more rounds, and scores the models of the last one', async () => {
    const job = await jobOf();
    await run(job);
    expectTable(await run(job, { resume: 'latest', set: ['num_rounds=3'] }), slowly(3, 'all'));
  });
});
