import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeJob } from '../../support/job-folder.ts';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { finalModel } from '../../support/run-files.ts';
import { simulateQuietly } from '../../support/simulate-quietly.ts';
import { SYSTEM_PYTHON } from '../../support/system-python.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
let federation: LiveFederation;
let count = 0;

const SCRIPT = `import random
import nvflare.client as flare

flare.init()
while flare.is_running():
    model = flare.receive()
    weights = [float(value) for value in model.params['weights']]
    metrics = {'accuracy': sum(weights)}
    if flare.is_evaluate():
        flare.send(flare.FLModel(metrics=metrics))
        continue
    print('at', flare.get_site_name(), model.current_round)
    params = {'weights': [value + random.random() for value in weights]}
    flare.send(flare.FLModel(params=params, metrics=metrics, meta={'NUM_STEPS_CURRENT_ROUND': random.randint(1, 9)}))
`;

const job = (text = SCRIPT, executor: object = {}) =>
  writeJob(join(root, `job-${count++}`), {
    files: { 'client.py': text, 'client/train.ts': undefined },
    patch: {
      executor: {
        type: 'python',
        train_script: 'client.py',
        framework: 'raw',
        launch_once: false,
        args: {},
        ...executor,
      },
    },
  });

const POLICY = 'local/site-policy.yml';

describe.skipIf(!SYSTEM_PYTHON)('scripts in Python', () => {
  beforeAll(async () => {
    process.env.NEUROFLARE_PYTHON = SYSTEM_PYTHON;
    const kits = await makeLiveKits(join(root, 'kits'), { clients: 2 });
    for (const site of ['site-1', 'site-2'])
      await kits.changeFile(site, POLICY, {
        '# python: { interpreter: /opt/fl/bin/python }': `python: { interpreter: ${SYSTEM_PYTHON} }`,
        // A machine without namespaces runs no such job otherwise.
        'network: none': 'network: open',
      });
    federation = new LiveFederation(kits);
    await federation.startServer();
    for (const site of ['site-1', 'site-2']) await federation.startClient(site);
    await federation.connected(2);
  });
  afterAll(() => federation.close());

  it('give the bytes of a simulation with any number of threads', async () => {
    const path = await job();
    const meta = await federation.run(path);
    expect(meta).toMatchObject({ status: 'FINISHED:COMPLETED', first_failure: null });
    const model = await federation.model(meta.job_id);
    expect(model).toEqual(finalModel(await simulateQuietly(path, { workspace: join(root, 'a') })));
  });

  it('fail with their site, file and line', async () => {
    const text = SCRIPT.replace("    print('at'", "    raise OSError('no disk')\n    print('at'");
    const meta = await federation.run(await job(text));
    expect(meta).toMatchObject({
      status: 'FINISHED:EXECUTION_EXCEPTION',
      first_failure: {
        site: expect.stringMatching(/^site-[12]$/),
        round: 1,
        error: {
          code: 'NF_SCRIPT_FAILED',
          message: expect.stringContaining('OSError: no disk'),
          place: { file: 'client.py', line: 12 },
        },
      },
    });
  });

  it('are not taken by a site that names no interpreter', async () => {
    await federation.kits.changeFile('site-2', POLICY, { 'python: {': '# python: {' });
    const meta = await federation.run(await job(), { clients: ['site-1', 'site-2'] });
    expect(meta.status).toBe('FINISHED:CAN_NOT_SCHEDULE');
    expect(meta.sites[1]).toMatchObject({ answer: 'refused', reason: { code: 'NF_PYTHON_SITE' } });
  });
});
