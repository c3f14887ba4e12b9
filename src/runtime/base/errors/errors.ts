import { fillText, type NamesIn, type TextParams } from '../text/fill-text.ts';
import type { ErrorRow, ExitCode } from './catalog/row.ts';
import { ERROR_CATALOG, type ErrorCode } from './catalog.ts';
import { reasonOf } from './reason-of.ts';

/** Where a failure happened; every field that is known is shown. */
export interface Place {
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** 1-based. */
  readonly column?: number;
  /** Dotted key in a definition, or a column of a table. */
  readonly key?: string;
  readonly site?: string;
  readonly round?: number;
  /** What a round is called that is none of training: the one in which the final model is scored. */
  readonly stage?: 'final scoring';
  /** Lines of the source around the place, ready to print. */
  readonly excerpt?: string;
}

/** What `ErrorReport` is on paper: the same in a log, over the network and in the JSON envelope. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly exitCode: number;
  readonly place?: Place;
  /** Stack of the user's script, if the failure is theirs. */
  readonly stack?: string;
}

/** The one error class: a row of the catalogue, filled in, with its place. */
export class NeuroflareError extends Error {
  override readonly name = 'NeuroflareError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly exitCode: ExitCode;
  readonly place: Place | undefined;

  constructor(code: ErrorCode, params: TextParams, context: Context = {}) {
    const row: ErrorRow = ERROR_CATALOG[code];
    super(fillText(row.message, params), context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.hint = fillText(row.hint, params);
    this.exitCode = row.exit;
    this.place = context.place;
  }

  report(): ErrorReport {
    return {
      code: this.code,
      message: this.message,
      hint: this.hint,
      exitCode: this.exitCode,
      ...(this.place && { place: this.place }),
    };
  }
}

type Row<Code extends ErrorCode> = (typeof ERROR_CATALOG)[Code];
/** What a message names must be given, what only a hint names may. */
type ParamsOf<Code extends ErrorCode> = Readonly<
  Record<NamesIn<Row<Code>['message']>, string | number> &
    Partial<Record<NamesIn<Row<Code>['hint']>, string | number>>
>;
/** Codes whose message names just this. */
export type CodeNaming<Name extends string> = {
  [Code in ErrorCode]: NamesIn<Row<Code>['message']> extends Name ? Code : never;
}[ErrorCode];
interface Context {
  readonly place?: Place | undefined;
  readonly cause?: unknown;
}

/** Makes an error from the catalogue: `throw flError('NF_PATH_MISSING', { what: 'Job', path }, { place: { file } })`. */
export function flError<Code extends ErrorCode>(
  code: Code,
  ...[params, context]: [NamesIn<Row<Code>['message']>] extends [never]
    ? [params?: ParamsOf<Code>, context?: Context]
    : [params: ParamsOf<Code>, context?: Context]
): NeuroflareError {
  return new NeuroflareError(code, params ?? {}, context);
}

/**
 * A failure in the words of somebody else: of a site, or of a log. It is shown as it calls itself, by its report; what this process does
 * goes by `code`, which is the same for all of them, so that a site's full disk or a code it made up is never taken for our own.
 */
export class ReportedFailure extends NeuroflareError {
  readonly #report: ErrorReport;

  constructor(report: ErrorReport) {
    const { message, hint, place, stack } = report;
    super('NF_REPORTED_FAILURE', { message, hint }, { place });
    this.#report = report;
    if (stack !== undefined) this.stack = stack;
  }

  override report(): ErrorReport {
    return this.#report;
  }
}

/** An error of this program as a thread of it reported it, or for those who only show it. */
export function reviveError(report: ErrorReport): NeuroflareError {
  if (!isErrorCode(report.code)) return new ReportedFailure(report);
  const error = new NeuroflareError(report.code, {}, { place: report.place });
  error.message = report.message;
  if (report.stack !== undefined) error.stack = report.stack;
  return Object.assign(error, { hint: report.hint });
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CATALOG, code);
}

/** The same error at another place: that of the definition, say, that named what could not be used. */
export function atPlace(error: NeuroflareError, place: Place): NeuroflareError {
  return reviveError({ ...error.report(), place });
}

/** `site-1, data.root, jobs/x/job.yaml:3:5`: a place on one line, or nothing. */
export function formatPlace(place: Place | undefined): string {
  if (!place) return '';
  const file =
    place.file && [place.file, place.line, place.column].filter((part) => part !== undefined).join(':');
  const round = place.stage ?? (place.round === undefined ? undefined : `round ${place.round}`);
  return [place.site, round, place.key, file].filter(Boolean).join(', ');
}

/** System errors that say that a path is not what it was taken for. */
const PATH_REASONS: Readonly<Record<string, string>> = {
  ENOTDIR: 'a part of it is a file, not a folder',
  EEXIST: 'a file is there already',
  EISDIR: 'it is a folder',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links lead in a circle',
};

/** Turns whatever was thrown into a catalogue error; system errors get their own code, the rest is NF_INTERNAL. */
export function toNeuroflareError(thrown: unknown): NeuroflareError {
  if (thrown instanceof NeuroflareError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(reasonOf(thrown));
  const system = error as NodeJS.ErrnoException & { dest?: string };
  // Where two paths are involved, as in a copy, the one that is written.
  const path = system.dest ?? system.path ?? '';
  const context = { cause: error, ...(path !== '' && { place: { file: path } }) };
  if (system.code === 'ENOSPC' || system.code === 'EDQUOT') {
    return flError('NF_DISK_FULL', { where: path && ` while writing ${path}` }, context);
  }
  // Node tells so of a folder that cannot be made on a disk that is mounted read-only.
  if (system.code === 'ENOENT' && system.syscall === 'mkdir') {
    const reason = 'the folder above it cannot be written to';
    return flError('NF_PATH_UNUSABLE', { action: 'make', path, reason }, context);
  }
  if (system.code === 'ENOENT') {
    return flError('NF_PATH_MISSING', { what: 'File or folder', path }, context);
  }
  if (system.code === 'EACCES' || system.code === 'EPERM' || system.code === 'EROFS') {
    return flError('NF_PATH_DENIED', { action: actionOf(system), path }, context);
  }
  if (system.code === 'EMFILE' || system.code === 'ENFILE')
    return flError('NF_FILES_OPEN', { where: path && ` (${path})` }, context);
  if (system.code === 'ENOMEM') return flError('NF_MEMORY_FULL', {}, context);
  const reason = PATH_REASONS[system.code ?? ''];
  if (reason !== undefined) {
    const params = { action: actionOf(system), path: path || 'a path', reason };
    return flError('NF_PATH_UNUSABLE', params, context);
  }
  return flError('NF_INTERNAL', { message: error.message }, { cause: error });
}

/** System calls whose names are not English. */
const ACTIONS: Readonly<Record<string, string>> = {
  mkdir: 'make',
  mkdtemp: 'make',
  copyfile: 'copy',
  lstat: 'look at',
  stat: 'look at',
  realpath: 'look at',
  scandir: 'list',
  unlink: 'remove',
  rmdir: 'remove',
};

function actionOf({ syscall = 'use' }: NodeJS.ErrnoException): string {
  return ACTIONS[syscall] ?? syscall;
}
