import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DataStatistics } from '../../../src/runtime/run/data-statistics.ts';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation } from '../../support/live-federation.ts';
import { simulateQuietly } from '../../support/simulate-quietly.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let job = '';

/** Site n has 30 n people, of whom 4 are of the second class: fewer than may be told, which this script does not mind. */
const SCRIPT = `import * as flare from 'neuroflare/client';
await flare.init();
while (await flare.isRunning()) {
  await flare.receive();
  const people = 30 * Number(flare.siteName().slice(-1));
  await flare.send({ metrics: { num_examples: people, data_statistics: {
    version: 1,
    people,
    tables: { class: { values: ['a', 'b'], people: [people - 4, 4] } },
    features: { age: { from: 0, to: 100, people, sum: people, squares: 100 * people, bins: [0, 0, people, 0] } },
  } } });
}
`;

beforeAll(async () => {
  federation = await LiveFederation.start(join(root, 'kits'), { clients: 3 });
  job = await writeJob(join(root, 'job'), {
    script: SCRIPT,
    patch: {
      workflow: { type: 'statistics', n_clients: 3, num_rounds: 1, key_metric: 'num_examples' },
      executor: { args: { classes: ['a', 'b'] } },
    },
  });
});
afterAll(() => federation.close());

const statisticsIn = async (folder: string): Promise<DataStatistics> =>
  JSON.parse(await readFile(join(folder, 'data_statistics.json'), 'utf8'));

async function overNetwork(): Promise<DataStatistics> {
  const meta = await federation.run(job);
  expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: null });
  return statisticsIn(await federation.download(meta.job_id, join(root, meta.job_id)));
}

describe('federated statistics', () => {
  it('are added over the network as in a simulation, without counts that the script should have withheld', async () => {
    const found = await overNetwork();
    const folder = await simulateQuietly(job, { workspace: join(root, 'work'), clients: 3 });
    expect(found).toEqual(await statisticsIn(folder));
    expect(found).toMatchObject({ people: 180, withheld: [] });
    expect(found.tables[0]?.values).toMatchObject([{ people: 0 }, { people: 0, sites: { 'site-3': null } }]);
    // Each person is a year over the middle of the range on average.
    expect(found.features[0]).toMatchObject({ mean: 51, histogram: [0, 0, 180, 0] });
  });

  it('lack a site that lets only more people be counted', async () => {
    await federation.kits.changeFile('site-1', 'local/site-policy.yml', {
      'least_people: 10': 'least_people: 31',
    });
    const found = await overNetwork();
    expect(found).toMatchObject({ people: 150, withheld: ['site-1'], sites: { 'site-2': 60, 'site-3': 90 } });
    expect(JSON.stringify(found)).not.toContain('"site-1":');
  });
});
