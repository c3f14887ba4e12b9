import { formatPlace, type NeuroflareError } from '../runtime/base/errors/errors.ts';
import { nvflareCodeOf } from '../runtime/base/errors/nvflare-codes.ts';
import { printable, printableDeep, printableJson } from '../runtime/base/text/printable.ts';
import type { JobMeta } from '../runtime/network/messages/admin.ts';

/** Version of the JSON envelope, as nvflare's. */
const SCHEMA_VERSION = '1';

export function successEnvelope(data: unknown, exitCode: number): string {
  const status = exitCode === 0 ? 'ok' : 'failed';
  return printableJson({ schema_version: SCHEMA_VERSION, status, exit_code: exitCode, data: data ?? null });
}

export function errorEnvelope(error: NeuroflareError, exitCode: number): string {
  return printableJson({
    schema_version: SCHEMA_VERSION,
    status: 'error',
    exit_code: exitCode,
    ...failureKeys(error.report()),
  });
}

/** Of a job that came to its end or to another: what ended it stands beside the job. */
export function jobEnvelope(job: JobMeta, exitCode: number): string {
  if (exitCode === 0 || !job.error) return successEnvelope(job, exitCode);
  return printableJson({
    schema_version: SCHEMA_VERSION,
    status: 'failed',
    exit_code: exitCode,
    ...failureKeys(job.error),
    ...(NVFLARE_ENDS[job.status] && { nvflare_code: NVFLARE_ENDS[job.status] }),
    data: job,
  });
}

/** What nvflare calls these ends of a job. */
const NVFLARE_ENDS: Readonly<Record<string, string>> = {
  'FINISHED:ABORTED': 'JOB_ABORTED',
  'FINISHED:EXECUTION_EXCEPTION': 'JOB_FINISHED_EXCEPTION',
  'FINISHED:CAN_NOT_SCHEDULE': 'JOB_FAILED',
};

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** As it came: a place of this process, or what a server said of one. */
  readonly place?: object | undefined;
}

function failureKeys({ code, message, hint, place }: Failure) {
  const nvflareCode = nvflareCodeOf(code);
  return {
    error_code: code,
    ...(nvflareCode !== undefined && { nvflare_code: nvflareCode }),
    message,
    hint,
    ...(place && { location: place }),
  };
}

/** What went wrong, where, what to do next, and the code to look up: in this order, on stderr. */
export function errorText(error: NeuroflareError): string {
  const place = printableDeep(error.place);
  const where = formatPlace(place);
  // Lines after the first are set in: none of them can be taken for one of this tool.
  const message = error.message.split('\n').map((line) => printable(line.trimEnd(), '\t'));
  const lines = [`Error: ${message.join('\n  ')}`];
  if (where && !error.message.includes(where)) lines.push(`  at ${where}`);
  if (place?.excerpt) lines.push(...place.excerpt.split('\n').map((line) => `    ${line}`));
  lines.push(`  next: ${printable(error.hint)}`, `  code: ${printable(error.code)}`);
  return lines.join('\n');
}
