import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ProcessExecutor } from '../../src/runtime/site/executor/process-executor.ts';
import { makeJobFolder, orderFor, scriptWith, watching } from '../support/script-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = tempFolder();

it('a script that takes memory without end is ended, and said to, and the next task runs', async () => {
  const folder = await makeJobFolder(join(root, 'work'));
  const engine = { choice: 'auto', gpu: undefined, requireGpu: false } as const;
  const job = new ProcessExecutor({
    folder,
    engine,
    data: undefined,
    policy: { isolate: true, network: 'none', run_as: 'own' },
  });
  const run = async (body: string) =>
    job.run(await orderFor(folder, scriptWith(body)), watching({ limit: 300 }));
  const outcome = await run('const all = []; for (;;) all.push(new Array(2 ** 20).fill(all.length));');
  expect(outcome).toMatchObject({ type: 'failure', error: { code: 'NF_SCRIPT_MEMORY' } });
  expect(await run('')).toMatchObject({ type: 'result' });
  await job.close();
});
