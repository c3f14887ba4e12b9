import { formatPlace, type NeuroflareError } from '../runtime/base/errors/errors.ts';
import { printable, printableDeep, printableJson } from '../runtime/base/text/printable.ts';

/** Version of the JSON envelope, as nvflare's. */
const SCHEMA_VERSION = '1';

export function successEnvelope(data: unknown, exitCode: number): string {
  const status = exitCode === 0 ? 'ok' : 'failed';
  return printableJson({ schema_version: SCHEMA_VERSION, status, exit_code: exitCode, data: data ?? null });
}

export function errorEnvelope(error: NeuroflareError, exitCode: number): string {
  const { code, message, hint, place } = error.report();
  return printableJson({
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
