import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ThreadExecutor } from '../../../src/runtime/site/executor/thread-executor.ts';
import { makeJobFolder, orderFor, scriptWith, watching } from '../../support/script-process.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();
const engine = { choice: 'cpu', gpu: undefined, requireGpu: false } as const;
let started = 0;
const count = () => ++started;
let close = async () => {};

afterEach(async () => {
  process.off('worker', count);
  await close();
});

describe('an executor of threads', () => {
  it('starts them before there are tasks where it is asked to, and the tasks run in these', async () => {
    process.on('worker', count);
    const executor = new ThreadExecutor(2, { engine });
    close = () => executor.close();
    executor.start();
    await expect.poll(() => started).toBe(2);
    const folder = await makeJobFolder(join(root, 'work'));
    const order = await orderFor(folder, scriptWith(''));
    const outcome = await executor.run(order, watching());
    expect(outcome.type).toBe('result');
    expect(started).toBe(2);
  });
});
