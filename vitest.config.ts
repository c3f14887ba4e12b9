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
 * over numbers three times slower. Each file of tests has a process of its own: what one leaves in it disturbs no other.
 */
const own = {
  experimental: { viteModuleRunner: false, nodeLoader: false },
  restoreMocks: true,
  unstubEnvs: true,
};

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
          include: ['test/**/*.test.ts'],
          exclude: ['test/extended/**'],
        },
      },
      {
        test: { ...limits, name: 'extended', include: ['test/extended/**/*.test.ts'], testTimeout: 600_000 },
      },
    ],
  },
});
