import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LiveFederation, makeLiveKits } from '../../support/live-federation.ts';
import { ask, tlsOf } from '../../support/raw-request.ts';
import { tempFolder } from '../../support/temp-folder.ts';

interface Operation {
  readonly parameters: readonly { in: string; name: string; required?: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, object>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>
  >;
}
interface Document {
  readonly openapi: string;
  readonly security: object;
  readonly components: {
    readonly securitySchemes: object;
    readonly schemas: Readonly<Record<string, object>>;
  };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const root = tempFolder();
let federation: LiveFederation;
let document: Document;
const BYTES = 'application/octet-stream';

beforeAll(async () => {
  federation = new LiveFederation(await makeLiveKits(join(root, 'kits'), { clients: 1 }));
  await federation.startServer();
  const { body } = await ask(federation.kits, '/openapi.json', await tlsOf(federation.kits, 'site-1'));
  document = JSON.parse(body) as Document;
});
afterAll(() => federation.close());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
const headersOf = ({ parameters }: Operation) =>
  parameters.filter((one) => one.in === 'header').map(({ name }) => name);

describe('the OpenAPI document', () => {
  it('says how one proves who one is', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.security).toEqual([{ certificate: [] }]);
    expect(document.components.securitySchemes).toMatchObject({ certificate: { type: 'mutualTLS' } });
  });

  it('names the headers that are asked for', () => {
    for (const { path, method, operation } of operations()) {
      const names = headersOf(operation);
      expect([path, names.includes('neuroflare-protocol')]).toEqual([path, path.startsWith('/v1/')]);
      const needsSession = path.startsWith('/v1/site') && !(path === '/v1/site/session' && method === 'post');
      expect([path, method, names.includes('neuroflare-session')]).toEqual([path, method, needsSession]);
      expect(JSON.stringify(operation)).not.toContain('x-takes');
    }
  });

  it('has the form of every error, and an answer for every success', () => {
    const schema = { $ref: '#/components/schemas/Error' };
    expect(document.components.schemas.Error).toMatchObject({
      required: ['code', 'message', 'hint', 'exitCode'],
    });
    for (const { path, operation } of operations()) {
      const statuses = Object.keys(operation.responses);
      for (const status of ['400', '403', '429', '500', '503'])
        expect([path, statuses]).toEqual([path, expect.arrayContaining([status])]);
      for (const [status, { content }] of Object.entries(operation.responses)) {
        if (Number(status) >= 400) expect(content?.['application/json']?.schema).toEqual(schema);
        else expect([path, status, Object.keys(content ?? {}).length]).toEqual([path, status, 1]);
      }
    }
  });

  it('says where files travel as they are', () => {
    const taking = operations().filter(({ operation }) => operation.requestBody?.content[BYTES]);
    expect(taking.map(({ path, method }) => `${method} ${path}`).sort()).toEqual([
      'patch /v1/jobs/uploads/{sha256}',
      'patch /v1/site/jobs/{job}/uploads/{sha256}',
    ]);
    const sending = operations().filter(({ operation }) => operation.responses['206']?.content?.[BYTES]);
    expect(sending.map(({ path }) => path).sort()).toEqual([
      '/v1/jobs/{job}/bundle',
      '/v1/jobs/{job}/files/{path}',
      '/v1/site/jobs/{job}/bundle',
      '/v1/site/jobs/{job}/files/{sha256}',
    ]);
    for (const { operation } of sending) expect(headersOf(operation)).toContain('range');
  });
});
