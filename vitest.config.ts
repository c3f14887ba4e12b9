import { defineConfig } from 'vitest/config';
import { ClosingLine } from './scripts/closing-line.ts';

const limits = { testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default', new ClosingLine()],
    projects: [
      { test: { ...limits, name: 'fast', include: ['test/**/*.test.ts'], exclude: ['test/extended/**'] } },
      {
        test: { ...limits, name: 'extended', include: ['test/extended/**/*.test.ts'], testTimeout: 600_000 },
      },
    ],
  },
});
