import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { confirm } from '../../../src/output/confirm.ts';

/** Somebody at a terminal who types this. */
async function answer(typed: string): Promise<string> {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const output = Object.assign(new PassThrough(), { isTTY: true });
  const asked = confirm('Remove it?', { force: false }, { input, output });
  setImmediate(() => input.write(typed));
  return asked.then(
    () => 'done',
    ({ code, exitCode }: { code: string; exitCode: number }) => `${code} ${exitCode}`,
  );
}

describe('a question', () => {
  it.each([
    ['y\r', 'done'],
    ['yes\r', 'done'],
    ['n\r', 'NF_NOT_CONFIRMED 4'],
    ['\r', 'NF_NOT_CONFIRMED 4'],
    ['\u0003', 'NF_QUESTION_LEFT 130'],
    ['\u0004', 'NF_QUESTION_LEFT 130'],
  ])('answered with %j ends as %s', async (typed, ends) => {
    expect(await answer(typed)).toBe(ends);
  });
});
