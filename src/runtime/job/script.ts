import { stripTypeScriptTypes } from 'node:module';
import { join, posix } from 'node:path';
import { flError, type Place } from '../kernel/errors.ts';
import { didYouMean } from '../kernel/nearest.ts';
import { sourceExcerpt } from '../kernel/source-excerpt.ts';
import type { Bundle } from './bundle.ts';
import type { LoadedJob } from './load.ts';

/** Refuses a job whose training script is missing or does not parse, before anything runs. */
export function checkScript(job: LoadedJob, bundle: Bundle): void {
  const script = posix.normalize(job.definition.executor.trainScript);
  const place = job.source.place(['executor', 'train_script']);
  const paths = bundle.files.map(({ path }) => path);
  if (!paths.includes(script)) {
    const nearest = didYouMean(
      script,
      paths.filter((path) => /\.[cm]?[jt]s$/.test(path)),
    );
    throw flError('NF_JOB_SCRIPT_MISSING', { script, nearest }, { place });
  }
  for (const { path, bytes } of bundle.files) {
    if (/\.m?[jt]s$/.test(path)) checkSyntax(join(job.folder, path), new TextDecoder().decode(bytes));
  }
}

/** Parses TypeScript as Node will, and JavaScript, which is TypeScript without types. */
function checkSyntax(file: string, text: string): void {
  try {
    quietly(() => stripTypeScriptTypes(text));
  } catch (error) {
    const { reason, place } = syntaxFault(error, { file, text });
    throw flError('NF_JOB_SCRIPT_SYNTAX', { reason }, { place, cause: error });
  }
}

/**
 * What Node says of code that does not parse. Its parser puts `file:line` on the first line of the stack when it
 * knows it, and the message in the last words.
 */
function syntaxFault(
  error: unknown,
  { file, text }: { file: string; text: string },
): { reason: string; place: Place } {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
  const at = /:(\d+)(?::(\d+))?\n/.exec(stack);
  if (!at?.[1]) return { reason: message, place: { file } };
  const line = Number(at[1]);
  const marker = stack.split('\n').find((row) => /^\s*\^+\s*$/.test(row));
  const column = at[2] ? Number(at[2]) : (marker?.indexOf('^') ?? 0) + 1;
  return { reason: message, place: { file, line, column, excerpt: sourceExcerpt(text, { line, column }) } };
}

/** Older lines of Node warn that stripping types is experimental; the user of a script need not know. */
function quietly<T>(work: () => T): T {
  const emit = process.emitWarning;
  process.emitWarning = () => undefined;
  try {
    return work();
  } finally {
    process.emitWarning = emit;
  }
}
