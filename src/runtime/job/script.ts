import { join, posix } from 'node:path';
import { flError, type Place } from '../base/errors/errors.ts';
import { reasonOf } from '../base/errors/reason-of.ts';
import { sourceExcerpt } from '../base/errors/source-excerpt.ts';
import { type StrippedTexts, stripTypes } from '../base/files/strip-types.ts';
import { codePoint } from '../base/text/code-point.ts';
import { didYouMean } from '../base/text/nearest.ts';
import type { Bundle } from './bundle.ts';
import { JOB_LIMITS } from './limits.ts';
import type { LoadedJob } from './load.ts';

const IS_SCRIPT = /\.([cm]?[jt]s|[jt]sx|py)$/i;
/** What Node.js runs and the parser knows. */
const IS_MODULE = /\.m?[jt]s$/;
const TURNS = /[\u202A-\u202E\u2066-\u2069]/u;

/** Refuses a job whose training script is missing or does not parse, before anything runs. Returns its scripts as they were parsed. */
export function checkScript(job: LoadedJob, bundle: Bundle): StrippedTexts {
  const script = posix.normalize(job.definition.executor.trainScript);
  const place = job.source.place(['executor', 'train_script']);
  const paths = bundle.files.map(({ path }) => path);
  if (!paths.includes(script)) {
    const nearest = didYouMean(
      script,
      paths.filter((path) => /\.([cm]?[jt]s|py)$/.test(path)),
    );
    throw flError('NF_JOB_SCRIPT_MISSING', { script, nearest }, { place });
  }
  const scripts = bundle.files.filter((file) => IS_SCRIPT.test(file.path));
  requireSizes(scripts, job.folder);
  const stripped = new Map<string, string>();
  for (const { path, bytes } of scripts) {
    const file = { file: join(job.folder, path), text: new TextDecoder().decode(bytes) };
    checkReading(file);
    if (IS_MODULE.test(path)) stripped.set(file.text, checkSyntax(file));
  }
  return stripped;
}

interface ScriptText {
  readonly file: string;
  readonly text: string;
}

/** What a parser is given has a size that it can bear. */
function requireSizes(scripts: Bundle['files'], folder: string): void {
  const { script, scripts: all } = JOB_LIMITS;
  const large = scripts.find(({ bytes }) => bytes.length > script.most);
  const sum = scripts.reduce((total, { bytes }) => total + bytes.length, 0);
  if (!large && sum <= all.most) return;
  const reason = large
    ? `a script has ${large.bytes.length} bytes, and ${script.most} are the most`
    : `its scripts have ${sum} bytes together, and ${all.most} are the most`;
  throw flError('NF_JOB_BUNDLE', { reason }, { place: { file: large ? join(folder, large.path) : folder } });
}

/**
 * Code is approved by people who read it: what turns the order of letters around shows them another text than the one that runs
 * (Boucher and Anderson, "Trojan Source", 2021).
 */
function checkReading({ file, text }: ScriptText): void {
  const at = text.search(TURNS);
  if (at === -1) return;
  const before = text.slice(0, at).split('\n');
  const [line, column] = [before.length, (before.at(-1)?.length ?? 0) + 1];
  const shown = text.replaceAll(new RegExp(TURNS, 'gu'), (letter) => `<${codePoint(letter)}>`);
  const excerpt = sourceExcerpt(shown, { line });
  const params = { letter: codePoint(text.slice(at, at + 1)) };
  throw flError('NF_JOB_SCRIPT_HIDDEN', params, { place: { file, line, column, excerpt } });
}

/** Parses TypeScript as Node will, and JavaScript, which is TypeScript without types. */
function checkSyntax({ file, text }: ScriptText): string {
  try {
    return stripTypes(text);
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
  const { name, message, stack = '' } = error instanceof Error ? error : new Error(reasonOf(error));
  // The parser's own stack has an end, and what is left of the parser afterwards parses nothing.
  const isBroken = (error as NodeJS.ErrnoException).code === 'ERR_INTERNAL_ASSERTION';
  if (isBroken || name === 'RuntimeError' || name === 'RangeError')
    return { reason: 'it is nested too deeply.', place: { file } };
  const at = /:(\d+)(?::(\d+))?\n/.exec(stack);
  if (!at?.[1]) return { reason: message, place: { file } };
  const line = Number(at[1]);
  const marker = stack.split('\n').find((row) => /^\s*\^+\s*$/.test(row));
  const column = at[2] ? Number(at[2]) : (marker?.indexOf('^') ?? 0) + 1;
  return { reason: message, place: { file, line, column, excerpt: sourceExcerpt(text, { line, column }) } };
}
