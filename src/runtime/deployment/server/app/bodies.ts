import type { FastifyRequest, onRequestHookHandler } from 'fastify';
import type { z } from 'zod';
import { flError } from '../../../base/errors/errors.ts';
import type { JsonBounds } from '../../../base/json-bounds.ts';
import { REQUEST_LIMITS } from '../../../base/limits.ts';
import { JOB_LIMITS } from '../../../job/limits.ts';
import { BYTES_TYPE, JSON_TYPE } from '../../../network/messages/protocol.ts';
import { requireBounds } from '../../../network/messages/read-request.ts';
import { Turns, untilAnswered } from '../turns.ts';
import type { App } from './app.ts';

/** Of all JSON that is read here. */
export const JSON_BOUNDS: JsonBounds = {
  depth: JOB_LIMITS.depth.most,
  values: REQUEST_LIMITS.json_values.most,
};

/**
 * What a request may bring: JSON of bounded size, depth and time, and on routes that ask for it (`requireBytes`) an octet stream, which they
 * read themselves. JSON that may be large (`takesUnread`) is handed on as its bytes: a thread reads it. Nothing is opened for a body before it is known to be of the right kind.
 */
export function takeBodies(app: App): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    if (request.routeOptions.config.takesUnread !== undefined) return done(null, bytes);
    const text = bytes.toString('utf8');
    requireBounds(text, JSON_BOUNDS);
    return parse(request, text, done);
  });
  app.addContentTypeParser(BYTES_TYPE, (request, payload, done) => {
    if (request.routeOptions.config.takesBytes) done(null, payload);
    else done(otherType(JSON_TYPE, request));
  });
  limitRoom(app);
  limitTime(app);
}

/** What has come of bodies that are not whole yet is in memory; few bytes of a participant, as they are announced. Submissions have their own turns. */
function limitRoom(app: App): void {
  const { participant_bytes: each, all_bytes: all } = REQUEST_LIMITS;
  const room = new Turns({ each, all });
  app.addHook('preParsing', async ({ identity: { name }, headers, method, routeOptions }, reply) => {
    const { takesBytes, takesUnread } = routeOptions.config;
    if (takesBytes || takesUnread || method === 'GET') return;
    const most = routeOptions.bodyLimit ?? REQUEST_LIMITS.json_bytes.most;
    const given = headers['content-length'] ?? (headers['transfer-encoding'] ? most : 0);
    untilAnswered(room.enter(name, Math.min(Number(given), most)), reply.raw);
  });
}

/** A JSON body that trickles in is cut; streams take as long as they take. */
function limitTime(app: App): void {
  const timers = new WeakMap<object, NodeJS.Timeout>();
  const clear = async (request: FastifyRequest) => clearTimeout(timers.get(request));
  app.addHook('preParsing', async (request) => {
    if (request.routeOptions.config.takesBytes || request.method === 'GET') return;
    const wait = REQUEST_LIMITS.json_seconds.most * 1000;
    timers.set(request, setTimeout(() => request.raw.destroy(), wait).unref());
  });
  app.addHook('preValidation', clear);
  app.addHook('onResponse', clear);
  app.addHook('onRequestAbort', clear);
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is an octet stream. */
    takesBytes?: boolean;
    /** The form of the JSON that the route takes as bytes, unread. */
    takesUnread?: z.ZodType;
  }
}

/** For routes that read the body as a stream. @throws NF_REQUEST_TYPE */
export const requireBytes: onRequestHookHandler = (request, _reply, done) => {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() === BYTES_TYPE) done();
  else done(otherType(BYTES_TYPE, request));
};

/** What was sent instead of what is taken. */
export function otherType(wanted: string, { headers }: Pick<FastifyRequest, 'headers'>) {
  const given = headers['content-type'] || 'a body of no type';
  return flError('NF_REQUEST_TYPE', { wanted, given: given.slice(0, 100) });
}
