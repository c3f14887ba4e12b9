import { createInterface } from 'node:readline/promises';
import { flError } from '../runtime/kernel/errors.ts';
import { printable } from '../runtime/kernel/printable.ts';

/**
 * Asks before something that cannot be undone. Where nobody can be asked, in a script say, it must be said beforehand with --force.
 * @throws NF_NOT_CONFIRMED
 */
export async function confirm(question: string, { force }: { force: boolean }): Promise<void> {
  if (force) return;
  const isPerson = process.stdin.isTTY && process.stderr.isTTY;
  if (!isPerson) throw flError('NF_NOT_CONFIRMED', { question });
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${printable(question)} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw flError('NF_NOT_CONFIRMED', { question });
  } finally {
    terminal.close();
  }
}
