import swagger from '@fastify/swagger';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { packageVersion } from '../../../base/files/package-version.ts';
import { BYTES_TYPE, HEADER, JSON_TYPE, PROTOCOL_VERSION } from '../../../network/messages/protocol.ts';
import { errorReport } from '../../../network/messages/shapes.ts';
import type { App } from './app.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The answer is a file, from the byte on that a range asks for. */
    sendsBytes?: boolean;
  }
}

const securitySchemes = {
  certificate: {
    type: 'mutualTLS',
    description: "TLS 1.3 with a certificate of the project's authority at both ends.",
  },
};

/** What is known of a route beyond its schemas, until the document is made. */
const TAKES = 'x-takes-bytes';
const SENDS = 'x-sends-bytes';
/** The rest of an address, as the router has it; as a name in a template generators of clients take it. */
const REST = '{*}';
const REST_NAME = 'path';
const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

interface Operation {
  parameters?: object[];
  requestBody?: object;
  responses?: Record<string, object>;
  [TAKES]?: boolean;
  [SENDS]?: boolean;
}

/** The description of all routes, whole enough for a client that is made from it. */
export async function describeRoutes(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'neuroflare server', version: packageVersion() },
      servers: [],
    },
    transform: (input) => {
      const { takesBytes, sendsBytes, takesUnread: body } = input.route.config ?? {};
      const { schema, url } = jsonSchemaTransform(
        body ? { ...input, schema: { ...input.schema, body } } : input,
      );
      return { url, schema: { ...schema, [TAKES]: takesBytes, [SENDS]: sendsBytes } };
    },
    transformObject: (document) => {
      if (!('openapiObject' in document)) return document.swaggerObject;
      const { openapiObject } = document;
      const paths = Object.entries(openapiObject.paths ?? {}).map(
        ([path, item]) => [path.replace(REST, `{${REST_NAME}}`), item] as const,
      );
      openapiObject.paths = Object.fromEntries(paths);
      for (const [path, item] of paths)
        for (const method of METHODS) {
          const operation = item?.[method] as Operation | undefined;
          if (operation) complete(operation, { path, method });
        }
      const { components } = openapiObject;
      const schemas = { ...components?.schemas, Error: z.toJSONSchema(errorReport) };
      // Its types know no mutualTLS, which OpenAPI 3.1 has.
      return Object.assign(openapiObject, {
        security: [{ certificate: [] }],
        components: { ...components, schemas, securitySchemes },
      });
    },
  });
}

function complete(operation: Operation, { path, method }: { path: string; method: string }): void {
  const { [TAKES]: takes = false, [SENDS]: sends = false } = operation;
  delete operation[TAKES];
  delete operation[SENDS];
  const bytes = { content: { [BYTES_TYPE]: { schema: { type: 'string', format: 'binary' } } } };
  if (takes) operation.requestBody = { required: true, ...bytes };
  const own = sends
    ? { 200: { description: 'The file.', ...bytes }, 206: { description: 'Its rest.', ...bytes } }
    : path === '/metrics'
      ? { 200: { description: 'Figures.', content: { 'text/plain': { schema: { type: 'string' } } } } }
      : path === '/openapi.json'
        ? { 200: { description: 'This.', content: { [JSON_TYPE]: { schema: { type: 'object' } } } } }
        : operation.responses;
  const hasBody = operation.requestBody !== undefined;
  operation.responses = { ...own, ...errors(statusesOf({ path, hasBody, sends })) };
  const parameters = (operation.parameters ?? []).map((one) =>
    'name' in one && one.name === '*' ? { ...one, name: REST_NAME } : one,
  );
  operation.parameters = [...parameters, ...headersOf({ path, method, sends })];
}

interface Route {
  readonly path: string;
  readonly hasBody: boolean;
  readonly sends: boolean;
}

/** Statuses of the errors a route may answer with. */
function statusesOf({ path, hasBody, sends }: Route): number[] {
  const isOpen = !path.startsWith('/v1/');
  return [
    400,
    ...(path.startsWith('/v1/site') ? [401] : []),
    403,
    ...(isOpen ? [] : [404, 409]),
    ...(hasBody ? [408] : []),
    // The question how much of an upload is there names its length, too.
    ...(hasBody || path.includes('/uploads/') ? [413] : []),
    ...(hasBody ? [415] : []),
    ...(path.includes('{') ? [414] : []),
    ...(sends ? [416] : []),
    ...(isOpen ? [] : [426]),
    429,
    431,
    500,
    503,
    504,
    507,
  ];
}

function errors(statuses: readonly number[]): Record<string, object> {
  const content = { [JSON_TYPE]: { schema: { $ref: '#/components/schemas/Error' } } };
  return Object.fromEntries(statuses.map((status) => [status, { description: 'A named error.', content }]));
}

function headersOf({ path, method, sends }: { path: string; method: string; sends: boolean }): object[] {
  const header = (name: string, schema: object) => ({ in: 'header', name, required: true, schema });
  const isRegistration = path === '/v1/site/session' && method === 'post';
  // An enum of one: generators of clients take no const in a header.
  const version = { type: 'string', enum: [String(PROTOCOL_VERSION)] };
  const session = { type: 'string', format: 'uuid', description: 'from the registration of the client' };
  const range = { type: 'string', pattern: '^bytes=[0-9]+-$', description: 'from which byte on' };
  return [
    ...(path.startsWith('/v1/') ? [header(HEADER.protocol, version)] : []),
    ...(path.startsWith('/v1/site') && !isRegistration ? [header(HEADER.session, session)] : []),
    ...(sends ? [{ ...header('range', range), required: false }] : []),
  ];
}
