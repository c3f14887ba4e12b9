import type { FastifyError } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { ErrorRow } from '../../kernel/catalog/row.ts';
import { ERROR_CATALOG } from '../../kernel/catalog.ts';
import { flError, NeuroflareError, toNeuroflareError } from '../../kernel/errors.ts';
import { fitReport } from '../../wire/shapes.ts';
import type { App } from './app.ts';

const STATUS_BY_EXIT = { 1: 409, 2: 403, 3: 504, 4: 400, 5: 500, 130: 409 } as const;

/** HTTP status of an error. */
export function statusOf({ code, exitCode }: NeuroflareError): number {
  const row: ErrorRow = ERROR_CATALOG[code];
  if (code === 'NF_DISK_FULL') return 507;
  return row.status ?? STATUS_BY_EXIT[exitCode];
}

/** Every failure leaves as the report of a named error, without a stack. */
export function answerErrors(app: App): void {
  app.setErrorHandler((thrown, request, reply) => {
    const error = named(thrown);
    const status = statusOf(error);
    const log = status >= 500 ? request.log.error.bind(request.log) : request.log.info.bind(request.log);
    log({ code: error.code, url: request.url, err: status >= 500 ? thrown : undefined }, error.message);
    if (error.code === 'NF_UPLOAD_TOO_LARGE') reply.header('connection', 'close');
    return reply.code(status).send(fitReport(error.report()));
  });
  app.setNotFoundHandler((request) => {
    throw flError('NF_ROUTE_UNKNOWN', { method: request.method, path: request.url.split('?')[0] ?? '' });
  });
}

function named(thrown: unknown): NeuroflareError {
  if (thrown instanceof NeuroflareError) return thrown;
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    const faults = thrown.validation.map(({ instancePath, message }) =>
      `${instancePath.slice(1)} ${message ?? ''}`.trim(),
    );
    return flError('NF_REQUEST_FORM', { reason: faults.slice(0, 5).join('; ') }, { cause: thrown });
  }
  const { statusCode, message } = thrown as FastifyError;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return flError('NF_REQUEST_FORM', { reason: message.replace(/\.$/, '') }, { cause: thrown });
  return toNeuroflareError(thrown);
}
