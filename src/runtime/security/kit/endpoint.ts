import { z } from 'zod';
import { serverOf } from '../project/read-project.ts';
import { ADMIN_ROLES, type Participant, type Project } from '../project/schema.ts';

const address = z.strictObject({ host: z.string().min(1), port: z.int().min(1).max(65_535) });
export type Address = z.output<typeof address>;

const common = { version: z.literal(1), project: z.string(), name: z.string(), org: z.string() };
const server = address.extend({ name: z.string().describe('CN of the certificate it must show') });

/** startup/fed_server.json, fed_client.json or fed_admin.json. */
export const endpointSchema = z.discriminatedUnion('type', [
  z.strictObject({
    ...common,
    type: z.literal('server'),
    listen: address.describe('where the server listens'),
    advertised: address.describe('where the others reach it; another one behind a NAT'),
  }),
  z.strictObject({ ...common, type: z.literal('client'), server }),
  z.strictObject({ ...common, type: z.literal('admin'), role: z.enum(ADMIN_ROLES), server }),
]);
export type Endpoint = z.output<typeof endpointSchema>;

export function endpointOf(project: Project, participant: Participant): Endpoint {
  const { name, org, type } = participant;
  const common = { version: 1, project: project.name, name, org } as const;
  const own = serverOf(project);
  const advertised = { host: own.default_host ?? own.name, port: own.fed_learn_port };
  if (type === 'server') {
    const listen = { host: participant.listening_host, port: participant.listening_port ?? advertised.port };
    return { ...common, type, listen, advertised };
  }
  const { host = advertised.host, port = advertised.port } = participant.connect_to ?? {};
  const server = { name: own.name, host, port };
  return type === 'client'
    ? { ...common, type, server }
    : { ...common, type, role: participant.role, server };
}

/** The address others reach the server at, whoever's kit this is. */
export function serverAddress(endpoint: Endpoint): Address {
  if (endpoint.type === 'server') return endpoint.advertised;
  const { host, port } = endpoint.server;
  return { host, port };
}
