import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cellsOf, rowName } from '../../../src/runtime/experiment/cells.ts';
import { readExperiment } from '../../../src/runtime/experiment/definition.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const folder = tempFolder();
let count = 0;

async function read(text: string) {
  const path = join(folder, `${count++}.yaml`);
  await writeFile(path, text);
  return readExperiment(path);
}
const whole = (text: string) => read(`version: 1\nname: exp\njob: job\n${text}`);
const jobsOf = async (text: string) => cellsOf(await whole(text)).map(({ job }) => job);

describe('the runs of an experiment', () => {
  it('are every partition, combination, variant and seed, seed by seed', async () => {
    const grid = 'grid: { workflow.num_rounds: [1, 2], rate: [0.5] }';
    const cells = cellsOf(
      await whole(
        `partitions: { alike: {}, unlike: { strategy: dirichlet } }\nvariants: { a: {}, b: { x: 1 } }\n${grid}\nseeds: [3, 9]`,
      ),
    );
    expect(cells).toHaveLength(2 * 2 * 2 * 2);
    expect(cells.slice(0, 3).map(({ job }) => job)).toEqual([
      'exp.alike.a.num_rounds-1.rate-0.5.seed-3',
      'exp.alike.b.num_rounds-1.rate-0.5.seed-3',
      'exp.alike.a.num_rounds-2.rate-0.5.seed-3',
    ]);
    expect(new Set(cells.map(({ job }) => job)).size).toBe(16);
    expect(cells.slice(0, 8).map(({ seed, turn }) => [seed, turn])).toEqual(Array(8).fill([3, 1]));
    expect(cells.slice(8).map(({ seed, turn }) => [seed, turn])).toEqual(Array(8).fill([9, 2]));
  });

  it('take the values of the whole, of their variant and of the grid, the last over the first', async () => {
    const text = 'set: { a: 1, b: 1, c: 1 }\nvariants: { own: { b: 2, c: 2 } }\ngrid: { c: [3] }';
    const [cell] = cellsOf(await whole(text));
    expect(cell?.overrides).toEqual([
      { name: 'a', value: 1 },
      { name: 'b', value: 2 },
      { name: 'c', value: 3 },
    ]);
  });

  it('are one of one seed where nothing is said', async () => {
    expect(await jobsOf('')).toEqual(['exp.job.seed-1']);
  });

  it('have names that are folders, also of values that are none, and of many', async () => {
    const lists = `grid: { layers: [[1, 2], [12]], text: ["a b", "a/b"] }\nvariants: { ${'v'.repeat(24)}: {} }`;
    const jobs = await jobsOf(lists);
    expect(new Set(jobs).size).toBe(4);
    for (const job of jobs) expect(job).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
  });

  it('are told apart by a name for people', () => {
    const row = { partition: 'alike', variant: 'fedavg', values: { 'executor.args.rate': 0.5 } };
    expect(rowName(row)).toBe('alike, fedavg, rate 0.5');
    expect(rowName({ ...row, partition: null, values: {} })).toBe('fedavg');
  });

  it('have baselines of their own recipe, or those of the first variant of the same seed and values', async () => {
    const text = 'variants: { a: {}, b: { x: 1 } }\ngrid: { y: [1, 2] }\nseeds: [1, 2]\nbaselines: [local]\n';
    const of = async (recipe: string) =>
      cellsOf(await whole(text + recipe)).map(({ job, baselinesOf }) => [job, baselinesOf]);
    for (const [job, other] of await of('')) expect(other).toBe(job);
    for (const [job = '', other] of await of('baseline_recipe: first'))
      expect(other).toBe(job.replace('.b.', '.a.'));
  });

  it('may not be alike', async () => {
    const twins = await whole('variants: { a: { x: 1 }, b: { x: 1 } }');
    expect(() => cellsOf(twins)).toThrow('exp.a.seed-1 and exp.b.seed-1');
    const again = await whole('grid: { x: [1, 1] }');
    expect(() => cellsOf(again)).toThrow('Two runs would be the same');
  });

  it('may not be more than anybody waits for', async () => {
    const hundred = `[${Array.from({ length: 100 }, (_, at) => at).join(', ')}]`;
    const many = await whole(`grid: { a: ${hundred}, b: ${hundred}, c: [1, 2] }`);
    expect(() => cellsOf(many)).toThrow('20000 runs; at most 10000');
  });

  it('are counted before any is made: a few lines may name more than fit anywhere', async () => {
    const ten = '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]';
    const names = Array.from({ length: 60 }, (_, at) => `v${at}: ${ten}`);
    const bomb = await whole(`grid: { ${names.join(', ')} }`);
    expect(() => cellsOf(bomb)).toThrow('at most 10000');
    const keys = (sign: string) => Array.from({ length: 3000 }, (_, at) => `${sign}${at}: {}`).join(', ');
    const wide = await whole(`partitions: { ${keys('p')} }\nvariants: { ${keys('v')} }`);
    expect(() => cellsOf(wide)).toThrow('9000000 runs; at most 10000');
  });
});

describe('a file of an experiment', () => {
  it.each([
    ['is no YAML', 'version: [', 'NF_EXPERIMENT_YAML'],
    ['has another version', 'version: 2\nname: a\njob: b', "'version'"],
    ['has no name', 'version: 1\njob: b', "'name' is missing"],
    ['has a name that is a path', 'version: 1\nname: ../a\njob: b', 'up to 24 letters'],
    [
      'has an unknown key',
      'version: 1\nname: a\njob: b\nvariant: {}',
      "unknown key 'variant'. Did you mean 'variants'?",
    ],
    [
      'has alpha without dirichlet',
      'version: 1\nname: a\njob: b\npartitions: { p: { alpha: 1 } }',
      'belongs to the strategy dirichlet or quantity',
    ],
    [
      'has shards without that strategy',
      'version: 1\nname: a\njob: b\npartitions: { p: { strategy: quantity, shards_per_site: 2 } }',
      "'partitions.p.shards_per_site' belongs to the strategy shards",
    ],
    [
      'has a skewed column with sites of a column',
      'version: 1\nname: a\njob: b\npartitions: { p: { strategy: column, skew_column: scanner } }',
      'belongs to the strategy dirichlet or shards',
    ],
    [
      'has a column without that strategy',
      'version: 1\nname: a\njob: b\npartitions: { p: { site_column: x } }',
      'belongs to the strategy column',
    ],
    ['has a seed twice', 'version: 1\nname: a\njob: b\nseeds: [1, 1]', 'names one twice'],
    ['has no variant', 'version: 1\nname: a\njob: b\nvariants: {}', "'variants' names none"],
    ['has no partition', 'version: 1\nname: a\njob: b\npartitions: {}', "'partitions' names none"],
    [
      'has fewer folds than seeds',
      'version: 1\nname: a\njob: b\nfolds: 2\nseeds: [1, 2, 3]',
      'are fewer than the seeds',
    ],
    [
      'leaves nothing to train on',
      'version: 1\nname: a\njob: b\nvalidation: 0.5\ntest: 0.5',
      'leaves nothing to train on',
    ],
    ['has an empty list in its grid', 'version: 1\nname: a\njob: b\ngrid: { x: [] }', "'grid.x'"],
    [
      'has baselines of an unknown recipe',
      'version: 1\nname: a\njob: b\nbaseline_recipe: fedavg',
      `'baseline_recipe' must be one of "own", "first"`,
    ],
    ['asks for an unknown baseline', 'version: 1\nname: a\njob: b\nbaselines: [pooled]', "'baselines.0'"],
  ])('is refused where it %s', async (_, text, said) => {
    const error = await read(text).then(
      () => undefined,
      (thrown: Error & { code: string; place?: { line?: number } }) => thrown,
    );
    expect(`${error?.code} ${error?.message}`).toContain(said);
    expect(error?.place?.line).toBeGreaterThan(0);
  });
});
