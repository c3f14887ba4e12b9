import type { Reporter, TestModule } from 'vitest/node';

/**
 * Ends a test run with one plain line, `N passed, N failed, N skipped`. With NEUROFLARE_NO_SKIP set a skipped test fails
 * the run: where every part is there, nothing has a reason to be skipped.
 */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    const skipped: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        counts[state] += 1;
        if (state === 'skipped') skipped.push(test.fullName);
      }
    }
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    if (skipped.length === 0 || !process.env.NEUROFLARE_NO_SKIP) return;
    console.error(`Skipped though every part is there:\n  ${skipped.join('\n  ')}`);
    process.exitCode = 1;
  }
}
