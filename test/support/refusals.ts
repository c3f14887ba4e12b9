import { mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { JsonAnswer } from './cli.ts';
import { runJson } from './one-process.ts';

/** A command that must fail, and what it must say. */
export interface Refusal {
  readonly what: string;
  readonly words: string | readonly string[];
  readonly code: string;
  /** Part of the message or of the hint. */
  readonly says: string;
  /** Of the answer's place. */
  readonly place?: Readonly<Record<string, unknown>>;
  readonly exit?: number;
}

/** Where a command that fails runs: a folder with one for temporary files in it, so that nothing it leaves is overlooked. */
export function refusalsIn(cwd: string) {
  const temporary = join(cwd, 'tmp');
  mkdirSync(temporary);
  const env = { TMPDIR: temporary, NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') };
  const everything = () => readdirSync(cwd, { recursive: true, encoding: 'utf8' }).sort();

  /** Runs the command; its answer has exit code, code, place and a next step, and nothing is left behind. */
  async function refused({ words, code, says, place, exit = 4 }: Refusal): Promise<JsonAnswer> {
    const before = everything();
    const args = typeof words === 'string' ? words.split(' ') : words;
    const { code: exited, answer, stdout, stderr } = await runJson(args, { cwd, env });
    expect(answer).toMatchObject({
      exit_code: exit,
      error_code: code,
      hint: expect.stringMatching(/^\S.{10,}[^{}]$/s),
      ...(place && { location: place }),
    });
    expect(exited).toBe(exit);
    const { file, key, site } = answer.location ?? {};
    // What was typed has no place but the flag, or the word between quotes.
    const typed = /--[a-z]|'[^']+'/.exec(`${answer.message} ${answer.hint}`)?.[0];
    expect(file ?? key ?? site ?? typed).toBeDefined();
    expect(`${answer.message} ${answer.hint}`).toContain(says);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toContain(`next: ${answer.hint}\n  code: ${code}`);
    expect(everything()).toEqual(before);
    return answer;
  }

  const table = (rows: readonly Refusal[]) =>
    it.each(rows)('$what: $words', async (row) => void (await refused(row)));
  return { refused, table, env };
}
