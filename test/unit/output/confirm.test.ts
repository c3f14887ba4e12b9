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
  it('shows what it is about first, so that a terminal does not obey it', async () => {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const output = Object.assign(new PassThrough(), { isTTY: true });
    const about = ['tiny of lea', '\u001b[2Jcode'];
    const asked = confirm('Let it run?', { force: false, about }, { input, output });
    setImmediate(() => input.write('y\r'));
    await asked;
    const shown = String(output.read());
    expect(shown.startsWith('tiny of lea\n\\x1b[2Jcode\n')).toBe(true);
    expect(shown).toContain('Let it run? [y/N] ');
  });

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
