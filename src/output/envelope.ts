import { formatPlace, type NeuroflareError } from '../runtime/kernel/errors.ts';

/** Version of the JSON envelope, as nvflare's. */
const SCHEMA_VERSION = '1';

export function successEnvelope(data: unknown, exitCode: number): string {
  const status = exitCode === 0 ? 'ok' : 'failed';
  return JSON.stringify({ schema_version: SCHEMA_VERSION, status, exit_code: exitCode, data: data ?? null });
}

export function errorEnvelope(error: NeuroflareError, exitCode: number): string {
  const { code, message, hint, place } = error.report();
  return JSON.stringify({
    schema_version: SCHEMA_VERSION,
    status: 'error',
    exit_code: exitCode,
    error_code: code,
    message,
    hint,
    ...(place && { location: place }),
  });
}

/** What went wrong, where, what to do next, and the code to look up: in this order, on stderr. */
export function errorText(error: NeuroflareError): string {
  const where = formatPlace(error.place);
  const lines = [`Error: ${error.message}`];
  if (where && !error.message.includes(where)) lines.push(`  at ${where}`);
  if (error.place?.excerpt) lines.push(...error.place.excerpt.split('\n').map((line) => `    ${line}`));
  lines.push(`  next: ${error.hint}`, `  code: ${error.code}`);
  return lines.join('\n');
}
