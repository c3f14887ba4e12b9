import { defineConfig } from 'vitest/config';

const shared = { testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { ...shared, name: 'fast', include: ['test/**/*.test.ts'], exclude: ['test/extended/**'] } },
      {
        test: { ...shared, name: 'extended', include: ['test/extended/**/*.test.ts'], testTimeout: 600_000 },
      },
    ],
  },
});
