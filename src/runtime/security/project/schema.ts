import { isIP } from 'node:net';
import { z } from 'zod';
import { didYouMean } from '../../base/text/nearest.ts';
import { siteName as anySiteName } from '../../job/site-name.ts';

/**
 * project.yml, as nvflare writes it (docs: project.yml of provisioning, api_version 3 and 4). Keys that steer parts of
 * nvflare that do not exist here are taken and named as being without effect, so that an existing file can be used.
 */

/** Roles of admins, from the one that may do everything to the one that may look. */
export const ADMIN_ROLES = ['project_admin', 'org_admin', 'lead', 'member'] as const;
export type AdminRole = (typeof ADMIN_ROLES)[number];

/** X.509 gives a common name and an organisation 64 characters (RFC 5280, appendix A.1). */
const X509_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const EMAIL = /^(?=.{3,64}$)[A-Za-z0-9][A-Za-z0-9_.+-]*@[A-Za-z0-9][A-Za-z0-9.-]*$/;
const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
/** Words that commands take in the place of a site. */
const RESERVED = ['server', 'all'];

export function isHost(text: string): boolean {
  return isIP(text) !== 0 || HOST_NAME.test(text);
}

/** No device of Windows and no dot at the end, which it drops (https://learn.microsoft.com/windows/win32/fileio/naming-a-file). */
const HELD_EVERYWHERE = /^(?!(con|prn|aux|nul|(com|lpt)\d)(\.|$)).*[^.]$/i;
const siteName = anySiteName.refine(
  (name) => HELD_EVERYWHERE.test(name),
  'cannot be the name of a folder on Windows; take another',
);

const org = z.string().regex(X509_NAME, 'use up to 64 letters, digits, dots, dashes and underscores');
const host = z.string().refine(isHost, 'is neither a host name nor an IP address');
const port = z.int().min(1).max(65_535);
const withoutEffect = z.unknown().optional().describe("nvflare's; without effect here");

const connectTo = z
  .strictObject({ host, port: port.optional() })
  .optional()
  .describe('the address this participant reaches the server at; default: default_host and fed_learn_port');

const server = z.strictObject({
  name: siteName,
  type: z.literal('server'),
  org,
  description: z.string().optional(),
  default_host: host.optional().describe('host the others connect to; default: the name'),
  fed_learn_port: port.default(8002).describe('port the others connect to'),
  host_names: z.array(host).default([]).describe('more names and addresses its certificate is good for'),
  listening_host: host
    .default('0.0.0.0')
    .describe('address the server listens on, behind a NAT its inner one'),
  listening_port: port.optional().describe('port the server listens on; default: fed_learn_port'),
  admin_port: withoutEffect,
  components: withoutEffect,
  props: withoutEffect,
});

const client = z.strictObject({
  name: siteName.refine(
    (name) => !RESERVED.includes(name.toLowerCase()),
    'is a word that commands use; take another',
  ),
  type: z.literal('client'),
  org,
  description: z.string().optional(),
  connect_to: connectTo,
  capacity: withoutEffect,
  components: withoutEffect,
  listening_host: withoutEffect,
  props: withoutEffect,
});

const admin = z.strictObject({
  name: z.string().regex(EMAIL, 'must be an e-mail address of up to 64 characters'),
  type: z.literal('admin'),
  org,
  role: z.enum(ADMIN_ROLES),
  description: z.string().optional(),
  connect_to: connectTo,
  components: withoutEffect,
  props: withoutEffect,
});

export const participantSchema = z.discriminatedUnion('type', [server, client, admin], {
  error: ({ input }) => typeFault(input),
});
export type Participant = z.output<typeof participantSchema>;
export type ServerParticipant = Extract<Participant, { type: 'server' }>;
export type ParticipantType = Participant['type'];

function typeFault(input: unknown): string {
  const types = ['server', 'client', 'admin'];
  const type = (input as { type?: unknown } | null | undefined)?.type;
  const told = typeof type === 'string' ? `is '${type}': ` : '';
  return `${told}use ${types.join(', ')}.${typeof type === 'string' ? didYouMean(type, types) : ''}`;
}

/** Keys without effect, at the top and in a participant. */
export const WITHOUT_EFFECT = [
  'scheme',
  'builders',
  'studies',
  'admin_port',
  'components',
  'props',
  'capacity',
];

export const projectSchema = z
  .strictObject({
    api_version: z.int().refine((version) => version === 3 || version === 4, 'must be 3 or 4'),
    name: z.string().regex(X509_NAME, 'use up to 64 letters, digits, dots, dashes and underscores'),
    description: z.string().default(''),
    connection_security: z
      .literal('mtls', { error: 'must be mtls: both ends show a certificate' })
      .optional()
      .describe('always mutual TLS'),
    participants: z
      .array(participantSchema)
      .min(1, 'holds nobody: one server, its clients and admins go here'),
    scheme: withoutEffect,
    builders: withoutEffect,
    studies: withoutEffect,
  })
  .superRefine(({ participants }, context) => {
    const fault = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path: ['participants', ...path], message });
    checkNames(participants, fault);
    checkServer(participants, fault);
  });
export type Project = z.output<typeof projectSchema>;

type FaultSink = (path: (string | number)[], message: string) => void;

/** Names are folders too, so that two that differ in case alone would be one on some systems. */
function checkNames(participants: readonly Participant[], fault: FaultSink): void {
  const seen = new Map<string, number>();
  for (const [index, { name }] of participants.entries()) {
    const first = seen.get(name.toLowerCase());
    if (first !== undefined) fault([index, 'name'], `'${name}' is the name of participants.${first} already`);
    else seen.set(name.toLowerCase(), index);
  }
}

function checkServer(participants: readonly Participant[], fault: FaultSink): void {
  const servers = participants.flatMap((participant, index) =>
    participant.type === 'server' ? [{ ...participant, index }] : [],
  );
  const [first, second] = servers;
  if (!first) {
    fault([], 'has no server: one participant of type server is needed');
    return;
  }
  if (second) fault([second.index, 'type'], `is a second server beside '${first.name}': one is needed`);
  if (first.default_host === undefined && !isHost(first.name)) {
    fault([first.index, 'default_host'], `is missing, and the name '${first.name}' is no host name`);
  }
  for (const [index, participant] of participants.entries()) {
    if (participant.type === 'server' || !participant.connect_to) continue;
    const names = serverNames(first);
    if (names.includes(participant.connect_to.host)) continue;
    fault(
      [index, 'connect_to', 'host'],
      `'${participant.connect_to.host}' is not in the server's certificate: add it to host_names of '${first.name}'`,
    );
  }
}

/** Host names and addresses the server's certificate is good for. */
export function serverNames(server: ServerParticipant): string[] {
  const own = isHost(server.name) ? [server.name] : [];
  return [...new Set([server.default_host ?? server.name, ...own, ...server.host_names])];
}
