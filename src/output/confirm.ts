import { createInterface } from 'node:readline/promises';
import { flError } from '../runtime/base/errors/errors.ts';
import { printable } from '../runtime/base/text/printable.ts';
import type { OriginalJob } from '../runtime/deployment/admin/original-job.ts';

/** Where a person reads and types. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

/** Of a job that is signed once more, what people are shown. */
type Original = Pick<OriginalJob, 'name' | 'submitter' | 'org' | 'codeSha256' | 'clients'>;

/**
 * Asks before something that cannot be undone. Where nobody can be asked, in a script say, it must be said beforehand with a flag.
 * @param flag its name, for the error; default: --force
 * @param about lines shown before the question: nobody is asked about what was not shown
 * @throws NF_NOT_CONFIRMED; NF_QUESTION_LEFT for Ctrl-C or Ctrl-D in place of an answer
 */
export async function confirm(
  question: string,
  { force, flag = '--force', about = [] }: { force: boolean; flag?: string; about?: readonly string[] },
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<void> {
  if (force) return;
  const isPerson = input.isTTY && output.isTTY;
  if (!isPerson) throw flError('NF_NOT_CONFIRMED', { question, flag });
  for (const line of about) output.write(`${printable(line)}\n`);
  const terminal = createInterface({ input, output });
  try {
    const answer = await terminal.question(`${printable(question)} [y/N] `).catch((cause: Error) => {
      if (cause.name !== 'AbortError') throw cause;
      output.write('\n');
      throw flError('NF_QUESTION_LEFT', {}, { cause });
    });
    if (!/^y(es)?$/i.test(answer.trim())) throw flError('NF_NOT_CONFIRMED', { question, flag });
  } finally {
    terminal.close();
  }
}

/** What is about to be signed once more. */
export function originalLine({ name, submitter, org, codeSha256, clients }: Original): string {
  const sites = clients ? clients.join(', ') : 'any site of its study';
  return `${name} of ${submitter} (${org}), code ${codeSha256}, for ${sites}`;
}

/** Before somebody signs what another one had signed. */
export function signQuestion(submitter: string, org: string): string {
  return `Sign what ${submitter} (${org}) had signed, under your name?`;
}
