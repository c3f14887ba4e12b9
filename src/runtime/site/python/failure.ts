import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { type ErrorReport, flError, type NeuroflareError, type Place } from '../../base/errors/errors.ts';
import { sourceExcerpt } from '../../base/errors/source-excerpt.ts';
import { NO_LINK, NO_WAIT } from '../../base/files/open-flags.ts';
import { shownPath } from '../../base/text/shown-path.ts';
import { JOB_LIMITS } from '../../job/limits.ts';
import type { TaskOutcome } from '../executor/executor.ts';
import type { CodePlace } from '../script/resolve-hooks.ts';
import type { PythonFailure } from './messages.ts';

/** Signals of a process that did in native code what it must not do. */
const CRASHES: ReadonlySet<string> = new Set(['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGFPE', 'SIGILL']);
/** Kinds of errors of a text that is no Python. */
const UNREADABLE: ReadonlySet<string> = new Set(['SyntaxError', 'IndentationError', 'TabError']);

/** What a script raised. */
export function raisedFailure(said: PythonFailure, code: CodePlace): ErrorReport {
  const place = said.file ? placeOf({ file: said.file, line: said.line ?? undefined }, code) : undefined;
  const stack = inSource(said.traceback, code);
  return { ...errorOf(said, code).report(), ...(place && { place }), stack };
}

function errorOf({ kind, message, module }: PythonFailure, code: CodePlace): NeuroflareError {
  if (module) return flError('NF_PYTHON_MODULE', { module });
  const text = `${kind}${message === '' ? '' : `: ${inSource(message, code)}`}`;
  if (UNREADABLE.has(kind)) return flError('NF_SCRIPT_LOAD', { message: text });
  if (kind === 'MemoryError') return flError('NF_PYTHON_MEMORY', { detail: message && ` (${message})` });
  return flError('NF_SCRIPT_FAILED', { message: text });
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** The end of what it wrote to stderr. */
  readonly errors: string;
  /** The system ended a process for want of memory while it ran. */
  readonly wasMemoryShort: boolean;
}

/** How the end of the process reads as the outcome of a task that it had not answered. */
export function outcomeOfEnd(
  { code, signal, errors, wasMemoryShort }: ProcessEnd,
  at: CodePlace,
): TaskOutcome {
  if (signal !== null && CRASHES.has(signal)) {
    const place = crashPlace(errors, at);
    const stack = inSource(errors, at);
    return {
      type: 'failure',
      error: { ...flError('NF_PYTHON_CRASH', { signal }).report(), ...(place && { place }), stack },
    };
  }
  if (signal === 'SIGKILL' && wasMemoryShort)
    return { type: 'failure', error: flError('NF_PYTHON_MEMORY', { detail: '' }).report() };
  if (signal !== null) return { type: 'killed', signal };
  if (code === 0) return { type: 'failure', error: flError('NF_SCRIPT_NO_RESULT').report() };
  const last = errors.trimEnd().split('\n').at(-1)?.trim() ?? '';
  const said = last === '' ? '.' : `; its last words are: ${inSource(last, at)}`;
  return { type: 'failure', error: flError('NF_PYTHON_EXITED', { code: code ?? 1, said }).report() };
}

/** `File "…", line N in f`: Python's faulthandler, innermost call first. */
function crashPlace(errors: string, code: CodePlace): Place | undefined {
  for (const [, file = '', line] of errors.matchAll(/File "([^"\n]+)", line (\d+)/g))
    if (file.startsWith(code.bundle + sep)) return placeOf({ file, line: Number(line) }, code);
  return undefined;
}

/** In the folder that the user edits, with the line as it stands there. */
export function placeOf(
  said: { readonly file: string; readonly line: number | undefined },
  code: CodePlace,
): Place {
  const { line } = said;
  // By its own name, however the script writes it: `..` behind the job's folder leads to what the script may not read.
  const file = resolve(said.file);
  const isOwn = file.startsWith(code.bundle + sep);
  const source = inSource(file, code);
  // At a site the copy that runs is all there is: a file of the job is known by its place in the job.
  const shown = isOwn && code.bundle === code.source ? relative(code.bundle, file) : shownPath(source);
  if (line === undefined) return { file: shown };
  return { file: shown, line, ...(isOwn && excerptOf(file, line)) };
}

function excerptOf(file: string, line: number): { excerpt?: string } {
  const text = codeText(file);
  return text === undefined ? {} : { excerpt: sourceExcerpt(text, { line }) };
}

/** Of a file of the job: no link, and no pipe or device that would be waited for. */
function codeText(path: string): string | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | NO_LINK | NO_WAIT);
    try {
      const found = fstatSync(file);
      return found.isFile() && found.size <= JOB_LIMITS.script.most ? readFileSync(file, 'utf8') : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

function inSource(text: string, { bundle, source }: CodePlace): string {
  return bundle === source ? text.replaceAll(`${bundle}${sep}`, '') : text.replaceAll(bundle, source);
}
