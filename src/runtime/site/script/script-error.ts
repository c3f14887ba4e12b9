import { readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ErrorReport, flError, NeuroflareError, type Place } from '../../base/errors/errors.ts';
import { reasonOf } from '../../base/errors/reason-of.ts';
import { sourceExcerpt } from '../../base/errors/source-excerpt.ts';
import { shownPath } from '../../base/text/shown-path.ts';
import type { CodePlace } from './resolve-hooks.ts';

/** Codes of Node for code that could not be loaded at all. */
const LOAD_CODES = new Set([
  'ERR_MODULE_NOT_FOUND',
  'ERR_PACKAGE_PATH_NOT_EXPORTED',
  'ERR_INVALID_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_UNSUPPORTED_DIR_IMPORT',
  'ERR_UNKNOWN_FILE_EXTENSION',
]);

/**
 * What a script threw, as a report with its own file, line and column in the job folder the user edits, not in the
 * copy that ran.
 */
export function scriptFailure(thrown: unknown, code: CodePlace, where: Where): ErrorReport {
  try {
    return failureOf(thrown, code, where);
  } catch {
    // It can be anything, a proxy that throws at each question: that is the script's doing, too.
    const report = flError('NF_SCRIPT_FAILED', { message: 'what it threw cannot be read' }).report();
    return { ...report, place: { ...where } };
  }
}

interface Where {
  readonly site: string;
  readonly round: number;
}

/** What an error says of itself; a part that throws when it is asked for, or is no text, says nothing. */
interface Said {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code: string;
  readonly syscall: string;
}

function saidBy(thrown: unknown): Said {
  if (!(thrown instanceof Error))
    return { name: 'Error', message: reasonOf(thrown), stack: '', code: '', syscall: '' };
  const part = (key: string): unknown => {
    try {
      return Reflect.get(thrown, key);
    } catch {
      return undefined;
    }
  };
  const text = (key: string, otherwise = ''): string => {
    const value = part(key);
    return typeof value === 'string' ? value : otherwise;
  };
  const message = part('message');
  return {
    name: text('name', 'Error'),
    message: message === undefined ? '' : reasonOf(message),
    stack: text('stack'),
    code: text('code'),
    syscall: text('syscall'),
  };
}

function failureOf(thrown: unknown, code: CodePlace, where: Where): ErrorReport {
  const error = saidBy(thrown);
  const stack = toSourcePaths(error.stack, code);
  // An error that names a file, a table of the data say, is about that file and not about the line that read it.
  const own = thrown instanceof NeuroflareError ? plainPlace(thrown.place) : {};
  const place: Place = {
    ...where,
    ...own,
    ...(own.file === undefined ? firstFrame(stack, code) : { file: shown(own.file, code) }),
  };
  const report =
    thrown instanceof NeuroflareError
      ? reportOf(thrown)
      : named(error, { isLoad: isLoad(thrown, error), code }).report();
  return { ...report, place, stack: isSite(code) ? stack.replaceAll(`${code.bundle}${sep}`, '') : stack };
}

/** One of ours that a script has caught, changed and thrown again may be no report any more. */
function reportOf(error: NeuroflareError): ErrorReport {
  const { code, message, hint, exitCode } = error.report();
  if ([code, message, hint].some((text) => typeof text !== 'string') || typeof exitCode !== 'number')
    throw new TypeError('It has lost what an error has.');
  return { code, message, hint, exitCode };
}

function plainPlace(place: Place | undefined): Place {
  const parts = Object.entries(place ?? {});
  return Object.fromEntries(parts.filter(([, part]) => ['string', 'number'].includes(typeof part)));
}

/** Node.js's permission model, and what closes the ways that it leaves. */
function isDenied({ code, syscall }: Said): boolean {
  return code === 'ERR_ACCESS_DENIED' || (code === 'EACCES' && OF_SOCKETS.has(syscall));
}

const OF_SOCKETS = new Set(['connect', 'bind', 'listen', 'send', 'getaddrinfo']);

function isLoad(thrown: unknown, { code }: Said): boolean {
  return LOAD_CODES.has(code) || thrown instanceof SyntaxError;
}

function named(error: Said, { isLoad, code }: { isLoad: boolean; code: CodePlace }): NeuroflareError {
  const text = toSourcePaths(error.message, code);
  const message = error.name === 'Error' ? text : `${error.name}: ${text}`;
  // Node.js's advice is about its own command line.
  if (isDenied(error))
    return flError('NF_SCRIPT_DENIED', { message: (message.split('Use --allow', 1)[0] ?? '').trimEnd() });
  if (error.name === 'TypeError' && WRITES.test(error.message))
    return flError('NF_SCRIPT_FROZEN', { message });
  return flError(isLoad ? 'NF_SCRIPT_LOAD' : 'NF_SCRIPT_FAILED', { message });
}

/** What V8 says of a write to an object that is frozen, or that nothing may be added to. */
const WRITES =
  /^Cannot (?:add|define|delete|assign to read only) property |^Cannot redefine property: | is not extensible$/;

/** Replaces paths and URLs of the running copy by those of the job folder. */
function toSourcePaths(text: string, { bundle, source }: CodePlace): string {
  return text
    .replace(/file:\/\/[^\s)'"]+?(?=[:\s)'"]|$)/g, (url) => safePath(url))
    .replace(/\?task=[^\s:)'"]+/g, '')
    .replaceAll(bundle, source);
}

function safePath(url: string): string {
  try {
    return fileURLToPath(url.split('?', 1)[0] ?? '');
  } catch {
    return url;
  }
}

/** There the copy that runs is all there is. */
function isSite({ bundle, source }: CodePlace): boolean {
  return bundle === source;
}

/** A file as people know it: at a site, one of the job by its place in the job. */
function shown(file: string, code: CodePlace): string {
  const isOfJob = isSite(code) && file.startsWith(`${code.bundle}${sep}`);
  return isOfJob ? relative(code.bundle, file) : shownPath(file);
}

function firstFrame(stack: string, code: CodePlace): Place | undefined {
  const { source } = code;
  for (const frame of stack.split('\n')) {
    const start = frame.indexOf(source);
    const at = start === -1 ? null : /^(.*?):(\d+)(?::(\d+))?\)?$/.exec(frame.slice(start));
    if (at?.[1] === undefined || at[1].includes('node_modules')) continue;
    const [file, line, column] = [at[1], Number(at[2]), at[3] === undefined ? undefined : Number(at[3])];
    return {
      file: shown(file, code),
      line,
      ...(column && { column }),
      ...sourceLine(file, { line, column }),
    };
  }
  return undefined;
}

function sourceLine(file: string, at: { line: number; column: number | undefined }): { excerpt?: string } {
  try {
    return { excerpt: sourceExcerpt(readFileSync(file, 'utf8'), at) };
  } catch {
    return {};
  }
}
