import { stat } from 'node:fs/promises';
import { flError } from '../base/errors/errors.ts';
import { issueText } from '../base/errors/issue-text.ts';
import { shellWord } from '../base/text/shell-word.ts';
import { isoDay } from './certificate/iso-day.ts';
import { projectNotes, readParticipant, readProject } from './project/read-project.ts';
import { type Participant, participantSchema } from './project/schema.ts';
import {
  addParticipant,
  type Provisioned,
  type ProvisionOptions,
  provision,
  type Revoked,
  renewList,
  renewParticipant,
  revokeParticipant,
  writeSampleProject,
} from './provision.ts';
import { issuedSummary } from './summary.ts';

export interface ProvisionFlags extends ProvisionOptions {
  readonly projectFile: string | undefined;
  readonly generate: boolean;
  readonly addClient: string | undefined;
  readonly addUser: string | undefined;
  readonly org: string | undefined;
  readonly role: string | undefined;
  readonly renew: string | undefined;
  readonly revoke: string | undefined;
  readonly listRevoked: boolean;
}

const PROJECT_FILE = 'project.yml';
const DAY_MS = 86_400_000;

/** `neuroflare provision`: one of its six deeds. */
export async function runProvision(flags: ProvisionFlags) {
  const added = flags.addClient ?? flags.addUser;
  if (added === undefined && (flags.org ?? flags.role) !== undefined) {
    throw flError('NF_USAGE', { message: '--org and --role go with --add-client or --add-user.' });
  }
  if (flags.generate) return generate(flags.projectFile ?? PROJECT_FILE);
  const file = flags.projectFile === undefined ? undefined : await readProject(flags.projectFile);
  const options = { ...flags, project: file?.name };
  if (flags.revoke !== undefined)
    return listGiven(await revokeParticipant(flags.revoke, options), `Revoked ${flags.revoke}.`);
  if (flags.listRevoked) return listGiven(await renewList(options), 'Dated the list of the revoked anew.');
  if (flags.renew !== undefined) return renew(flags.renew, options);
  if (added !== undefined) {
    const type = flags.addClient === undefined ? 'admin' : 'client';
    return answer(await addParticipant(await newParticipant(added, type, flags), options), flags, []);
  }
  const project = file ?? (await readProject(PROJECT_FILE));
  return answer(await provision(project, flags), flags, projectNotes(project));
}

async function generate(path: string) {
  await writeSampleProject(path);
  const next = `Wrote ${path}. Next: change it, then neuroflare provision --project-file ${shellWord(path)} --workspace kits`;
  return { project: (await readProject(path)).name, kits: [], notes: [next] };
}

async function renew(name: string, options: ProvisionOptions & { project: string | undefined }) {
  const { authority, issued, approval, kit } = await renewParticipant(name, options);
  const where = kit === undefined ? [] : [`Renewed in place: ${kit}`];
  const notes = [...where, `At the site: neuroflare package ${shellWord(approval)} --out KIT`];
  return {
    project: authority.project.name,
    kits: [issuedSummary({ ...issued, path: kit })],
    approval,
    notes: [...notes, ...shortLife(issued.expires, options)],
  };
}

function listGiven({ authority, list, kits }: Revoked, done: string) {
  const notes = kits.map((kit) => `Put into ${kit}/local/crl.pem.`);
  const elsewhere = `Where the server runs from another copy of its kit: copy ${list} to its local/crl.pem; a server that runs takes it up within seconds.`;
  return { project: authority.project.name, kits: [], notes: [done, ...notes, elsewhere] };
}

function answer(
  { authority, folder, kits }: Provisioned,
  options: ProvisionOptions,
  notes: readonly string[],
) {
  const earliest = new Date(Math.min(...kits.map(({ expires }) => expires.getTime())));
  return {
    project: authority.project.name,
    folder,
    kits: kits.map(issuedSummary),
    root_fingerprint: authority.rootFingerprint,
    root_expires: authority.rootExpires.toISOString(),
    notes: [
      ...notes,
      ...shortLife(earliest, options),
      `Keep ${authority.folder}/state safe and to yourself: its key makes members of this federation.`,
    ],
  };
}

/** The authority ends first: said when it cuts a certificate short. */
function shortLife(expires: Date, { now, days }: ProvisionOptions): string[] {
  if (expires.getTime() >= now.getTime() + (days - 1) * DAY_MS) return [];
  return [`The authority itself ends on ${isoDay(expires)}, so that no certificate is good for longer.`];
}

/** From a YAML file, or from a name and flags. */
async function newParticipant(
  given: string,
  type: 'client' | 'admin',
  { org, role }: ProvisionFlags,
): Promise<Participant> {
  const isFile = /\.ya?ml$/.test(given) || (await stat(given).catch(() => undefined))?.isFile() === true;
  if (isFile && (org ?? role) === undefined) return readParticipant(given, type);
  if (isFile)
    throw flError('NF_USAGE', { message: 'org and role stand in the file: leave out --org and --role.' });
  const checked = participantSchema.safeParse({
    name: given,
    type,
    org,
    ...(role !== undefined && { role }),
  });
  if (checked.success) return checked.data;
  const faults = checked.error.issues.map((issue) => {
    if (issue.code === 'unrecognized_keys') return `--${issue.keys.join(', --')} is for admins`;
    const name = issue.path[0] === 'name' ? `'${given}'` : `--${issue.path.join('.')}`;
    const missing =
      issue.path[0] === 'org' ? org === undefined : issue.path[0] === 'role' && role === undefined;
    return `${name} ${missing ? 'is missing' : issueText(issue)}`;
  });
  throw flError('NF_USAGE', { message: `${faults.join('; ')}.` });
}
