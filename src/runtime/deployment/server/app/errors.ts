import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { flError, NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { statusOf } from '../../../base/errors/http-status.ts';
import { seenFrom } from '../../../federation/reported-inside.ts';
import { fitReport } from '../../../network/messages/fit-report.ts';
import { JSON_TYPE } from '../../../network/messages/protocol.ts';
import { formFault } from '../../../network/messages/read-request.ts';
import { isOfTheMachine } from '../jobs/machine-failures.ts';
import type { MachineNotes } from '../machine-notes.ts';
import type { StateFolder } from '../state-folder.ts';
import type { App } from './app.ts';
import { otherType } from './bodies.ts';

/** The rest of a body that is refused is not waited for. */
const CLOSING = new Set(['NF_UPLOAD_TOO_LARGE', 'NF_REQUEST_TOO_LARGE']);

/** Every failure leaves as the report of a named error, without a stack and without where the server keeps its files. */
export function answerErrors(
  app: App,
  { state, machine }: { readonly state: StateFolder; readonly machine: MachineNotes },
): void {
  app.setErrorHandler((thrown, request, reply) => {
    const error = named(thrown, request);
    const status = statusOf(error);
    const log = status >= 500 ? request.log.error.bind(request.log) : request.log.info.bind(request.log);
    log({ code: error.code, url: request.url, err: status >= 500 ? thrown : undefined }, error.message);
    if (isOfTheMachine(error)) machine.note('A request could not be answered', error);
    if (CLOSING.has(error.code)) reply.header('connection', 'close');
    return reply.code(status).send(fitReport(seenFrom(state.root, error).report()));
  });
}

/** What is asked where no route is: before a byte of its body is read. */
export function answerNowhere(app: App): void {
  const routes: Route[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, parts: partsOf(url) });
  });
  const refuse = async ({ method, url }: FastifyRequest, reply: FastifyReply) => {
    const [path = ''] = url.split('?');
    const allowed = methodsAt(routes, path).join(', ');
    if (allowed === '') throw flError('NF_ROUTE_UNKNOWN', { method, path });
    reply.header('allow', allowed);
    throw flError('NF_METHOD_UNKNOWN', { method, path, allowed });
  };
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) await refuse(request, reply);
  });
  app.setNotFoundHandler(refuse);
}

/** Addresses that the router does not take: they do not come as far as the hooks. */
export function answerOddAddresses(
  { code }: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const error =
    code === 'FST_ERR_MAX_PARAM_LENGTH'
      ? flError('NF_REQUEST_ADDRESS')
      : flError('NF_REQUEST_FORM', { reason: 'its address is no address' });
  request.log.info({ code: error.code }, error.message);
  return reply.code(statusOf(error)).send(error.report());
}

const LINGER_MS = 1000;

/** What Node.js cannot read as HTTP has no reply to answer by. */
export function answerBrokenRequests(thrown: NodeJS.ErrnoException, socket: Socket): void {
  // What comes after the first fault is told here again.
  if (socket.writableEnded) return;
  if (thrown.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const error =
    thrown.code === 'HPE_HEADER_OVERFLOW'
      ? flError('NF_REQUEST_HEADERS')
      : thrown.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? flError('NF_REQUEST_SLOW')
        : flError('NF_REQUEST_FORM', { reason: 'it is no HTTP' });
  socket.end(rawAnswer(error));
  // A line that is cut while more comes takes the answer with it.
  socket.resume().setTimeout(LINGER_MS, () => socket.destroy());
}

/** An answer as it goes over the line, to whom no reply belongs. */
export function rawAnswer(error: NeuroflareError): string {
  const status = statusOf(error);
  const body = JSON.stringify(error.report());
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `content-type: ${JSON_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

interface Route {
  readonly method: string;
  readonly parts: readonly string[];
}

/** The router takes `/` at the end for nothing where a route has it. */
function partsOf(path: string): string[] {
  return path.replace(/\/$/, '').split('/');
}

/** What a path that is there can be asked. */
function methodsAt(routes: readonly Route[], path: string): string[] {
  const given = partsOf(path);
  const fits = ({ parts }: Route) => {
    const isOpen = parts.at(-1) === '*';
    if (isOpen ? given.length < parts.length : given.length !== parts.length) return false;
    return parts.every(
      (part, index) => part === '*' || part === given[index] || (part.startsWith(':') && given[index] !== ''),
    );
  };
  return [...new Set(routes.filter(fits).map(({ method }) => method))].sort();
}

function named(thrown: unknown, request: FastifyRequest): NeuroflareError {
  if (thrown instanceof NeuroflareError) return thrown;
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    const faults = thrown.validation.map(({ instancePath, message = '' }) => ({
      at: instancePath.slice(1),
      fault: message,
    }));
    return formFault(faults, thrown);
  }
  const { statusCode, message, code } = thrown as FastifyError;
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return otherType(JSON_TYPE, request);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return flError('NF_REQUEST_TOO_LARGE', { limit: request.routeOptions.bodyLimit ?? 0 });
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return flError('NF_REQUEST_FORM', { reason: message.replace(/\.$/, '') }, { cause: thrown });
  return toNeuroflareError(thrown);
}
