import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { ClosingLine } from './scripts/closing-line.ts';

/** No test measures time: a limit only ends what hangs, and a busy machine is ten times slower than an idle one. */
const limits = {
  globalSetup: 'test/support/compiled-code.ts',
  testTimeout: 240_000,
  hookTimeout: 240_000,
  expect: { poll: { timeout: 120_000 } },
};

/**
 * Modules are loaded by Node.js itself, as threads and processes load them: Vite's loader reads an import at each use, which makes a loop
 * over numbers three times slower.
 */
const own = {
  experimental: { viteModuleRunner: false, nodeLoader: false },
  restoreMocks: true,
  unstubEnvs: true,
};

/** These change the user of their process or its environment. */
const changing = new Set([
  'test/unit/base/files/clear-folder.test.ts',
  'test/unit/job/templates.test.ts',
  'test/unit/preprocess/check/check-bids.test.ts',
]);

/** Files that only call functions: they share a process, since to load the modules anew takes longer than the tests. */
const calling = globSync(
  [
    'test/{architecture,properties}/**/*.test.ts',
    'test/unit/{algorithms,api,base,evaluation,experiment,federation,job,learning,masking,network,output,preprocess,privacy,run}/**/*.test.ts',
  ],
  { cwd: import.meta.dirname },
).filter((file) => !changing.has(file.replaceAll('\\', '/')));

export default defineConfig({
  test: {
    // Federations wait much and compute little: two files more than there are cores keep these busy.
    maxWorkers: Math.min(8, availableParallelism() + 2),
    reporters: ['default', new ClosingLine()],
    projects: [
      {
        test: {
          ...limits,
          ...own,
          name: 'fast',
          include: calling,
          isolate: false,
        },
      },
      {
        test: {
          ...limits,
          ...own,
          // Each file has a process of its own: what one leaves in it disturbs no other.
          name: 'fast-apart',
          include: ['test/**/*.test.ts'],
          exclude: ['test/extended/**', ...calling],
        },
      },
      {
        test: {
          ...limits,
          ...own,
          name: 'extended',
          include: ['test/extended/**/*.test.ts'],
          testTimeout: 600_000,
        },
      },
    ],
  },
});
