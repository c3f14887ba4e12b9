import { readFile } from 'node:fs/promises';
import { ProcessExecutor } from '../../src/runtime/site/executor/process-executor.ts';
import { ThreadExecutor } from '../../src/runtime/site/executor/thread-executor.ts';
import { describeExecutor } from './executor.ts';

const engine = { choice: 'auto', gpu: undefined, requireGpu: false } as const;
const OPEN = { isolate: false, network: 'open', run_as: 'client' } as const;

describeExecutor('of threads', {
  make: (_, over) => new ThreadExecutor(2, { engine, ...over }),
});

describeExecutor('of threads whose scripts need a process', {
  make: (_, over) => new ThreadExecutor(2, { engine, ...over }),
  ownProcess: { begin: `await import('node:fs');`, pid: async (_, own) => own },
  abort: `await import('node:fs'); process.abort();`,
});

describeExecutor('of a process', {
  make: (folder, over) => new ProcessExecutor({ folder, engine, data: undefined, policy: OPEN, ...over }),
  // A process in a namespace of its own knows itself by another number.
  ownProcess: {
    begin: '',
    pid: async ({ process: path }) => Number((await readFile(path, 'utf8')).split(' ')[0]),
  },
  abort: 'process.abort();',
});
