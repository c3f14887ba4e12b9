import Fastify from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { App } from '../../src/runtime/deployment/server/app/app.ts';
import { answerErrors } from '../../src/runtime/deployment/server/app/errors.ts';
import { enforceRights } from '../../src/runtime/deployment/server/app/route-access.ts';
import { MachineNotes } from '../../src/runtime/deployment/server/machine-notes.ts';
import { stateFolder } from '../../src/runtime/deployment/server/state-folder.ts';
import { HEADER } from '../../src/runtime/network/messages/protocol.ts';
import type { Identity } from '../../src/runtime/security/certificate/identity.ts';
import type { AuditLog, Deed } from '../../src/runtime/security/logs/audit-log.ts';

const WHO = 'x-test-identity';

export const SITE_1: Identity = { name: 'site-1', org: 'hospital_1', type: 'client' };
export const ANN: Identity = {
  name: 'ann@example.org',
  org: 'university',
  type: 'admin',
  role: 'project_admin',
};

export interface Asked {
  readonly who: Identity;
  readonly body?: object;
  /** Of a site. */
  readonly session?: string;
}

export interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** Some of a server's routes without sockets: rights, forms and errors are the server's, and who asks is as the test says. */
export async function routeApp(prefix: string, routes: (app: App) => void) {
  const app: App = Fastify({ exposeHeadRoutes: false }).withTypeProvider<ZodTypeProvider>() as unknown as App;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  answerErrors(app, { state: stateFolder('/state'), machine: new MachineNotes(() => undefined) });
  app.decorateRequest('identity');
  app.addHook('onRequest', async (request) => {
    request.identity = JSON.parse(String(request.headers[WHO]));
  });
  enforceRights(app);
  await app.register(async (scope: App) => routes(scope), { prefix });
  await app.ready();
  const ask = async (
    method: 'GET' | 'POST' | 'DELETE',
    url: string,
    { who, body, session }: Asked,
  ): Promise<Answered> => {
    const headers = {
      [WHO]: JSON.stringify(who),
      ...(session !== undefined && { [HEADER.session]: session }),
    };
    const answer = await app.inject({ method, url, headers, ...(body && { payload: body }) });
    return { status: answer.statusCode, body: answer.json() };
  };
  return { ask, close: () => app.close() };
}

/** An audit log that only remembers. */
export function rememberedDeeds(): AuditLog & { readonly deeds: Deed[] } {
  const deeds: Deed[] = [];
  return {
    deeds,
    append: async (deed) => void deeds.push(deed),
    head: async () => undefined,
    close: async () => undefined,
  };
}
