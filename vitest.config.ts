import { defineConfig } from 'vitest/config';

const limits = { testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default', './scripts/closing-line.ts'],
    projects: [
      { test: { ...limits, name: 'fast', include: ['test/**/*.test.ts'], exclude: ['test/extended/**'] } },
      {
        test: { ...limits, name: 'extended', include: ['test/extended/**/*.test.ts'], testTimeout: 600_000 },
      },
    ],
  },
});
