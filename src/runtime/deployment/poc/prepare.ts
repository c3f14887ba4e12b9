import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { issueText } from '../../base/errors/issue-text.ts';
import { clearFolder } from '../../base/files/clear-folder.ts';
import { readUserConfig, userConfigPath } from '../../base/files/config-file.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import { addKit, useKit } from '../../security/kit-registry.ts';
import { readProject } from '../../security/project/read-project.ts';
import { type Project, participantSchema, projectSchema } from '../../security/project/schema.ts';
import { addParticipant, provision } from '../../security/provision.ts';
import { freePort } from './free-port.ts';
import {
  POC_ADMIN,
  POC_PROJECT,
  POC_SERVER,
  type PocFolder,
  readCard,
  takePlace,
  writeCard,
} from './poc-folder.ts';
import { runningProcesses } from './processes.ts';

export interface PrepareOptions {
  readonly clients: number;
  readonly names?: readonly string[] | undefined;
  /** A project.yml in place of the sample. */
  readonly projectFile?: string | undefined;
  readonly force: boolean;
}

export interface PreparedPoc {
  readonly workspace: string;
  readonly port: number;
  readonly participants: readonly { readonly name: string; readonly kit: string }[];
  /** Id under `config` of the admin that commands use now. */
  readonly admin: string | undefined;
  readonly activeBefore: string | undefined;
}

/** Days that kits of a federation on one machine are good for. */
const DAYS = 365;
const HERE = 'localhost';

/** Makes a federation on this machine: real certificates, a free port, everything of it below one folder. */
export async function preparePoc(folder: PocFolder, options: PrepareOptions): Promise<PreparedPoc> {
  await takePlace(folder);
  if ((await readdir(folder.root).catch(() => [])).length > 0) {
    if (!options.force)
      throw flError('NF_POC_EXISTS', { path: folder.root }, { place: { file: folder.root } });
    await cleanFolder(folder);
  }
  const port = await freePort('127.0.0.1');
  const project = await projectOf(options, port);
  const now = new Date();
  const { kits } = await provision(project, { workspace: folder.root, days: DAYS, rootDays: 3650, now });
  for (const { participant, path } of kits) if (participant.type === 'client') await openPolicy(path);
  const admins = kits.filter(({ participant }) => participant.type === 'admin');
  const config = userConfigPath();
  const { active: activeBefore } = await readUserConfig(config);
  const ids: string[] = [];
  for (const { participant, path } of admins) {
    const id = `poc-${participant.name}`;
    await addKit(config, { id, dir: path, force: true });
    ids.push(id);
  }
  const [admin] = ids;
  if (admin !== undefined) await useKit(config, admin);
  await writeCard(folder, {
    version: 1,
    config_ids: ids,
    ...(activeBefore !== undefined && !ids.includes(activeBefore) && { active_before: activeBefore }),
  });
  const participants = kits.map(({ participant: { name }, path }) => ({ name, kit: path }));
  return { workspace: folder.root, port, participants, admin, activeBefore };
}

/** @throws NF_POC_RUNS while a process of it runs */
export async function cleanFolder(folder: PocFolder): Promise<void> {
  const running = Object.keys(await runningProcesses(folder));
  if (running.length > 0) throw flError('NF_POC_RUNS', { names: running.join(', ') });
  await clearFolder(folder.root);
}

/** One more client or admin of a federation that is there. */
export async function addToPoc(
  folder: PocFolder,
  given: {
    readonly name: string;
    readonly type: 'client' | 'admin';
    readonly org?: string;
    readonly role?: string;
  },
): Promise<{ name: string; kit: string; id: string | undefined }> {
  const card = await readCard(folder);
  const { org = given.name.replace(/@.*/, ''), ...rest } = given;
  const checked = participantSchema.safeParse({ ...rest, org });
  if (!checked.success) {
    const faults = checked.error.issues
      .map((issue) => `${issue.path.join('.')} ${issueText(issue)}`)
      .join('; ');
    throw flError('NF_PROJECT_INVALID', { faults });
  }
  const options = { workspace: folder.root, days: DAYS, rootDays: 3650, now: new Date(), project: undefined };
  const { kits } = await addParticipant(checked.data, options);
  const kit = kits[0]?.path ?? '';
  if (given.type === 'client') {
    await openPolicy(kit);
    return { name: given.name, kit, id: undefined };
  }
  const id = `poc-${given.name}`;
  await addKit(userConfigPath(), { id, dir: kit, force: true });
  await writeCard(folder, { ...card, config_ids: [...new Set([...card.config_ids, id])] });
  return { name: given.name, kit, id };
}

async function projectOf({ clients, names, projectFile }: PrepareOptions, port: number): Promise<Project> {
  if (projectFile !== undefined) return hereOf(await readProject(projectFile), port);
  const sites = names ?? Array.from({ length: clients }, (_, index) => `site-${index + 1}`);
  const project = {
    api_version: 3,
    name: POC_PROJECT,
    description: 'a federation on one machine',
    participants: [
      { name: POC_SERVER, type: 'server', org: 'poc' },
      ...sites.map((name) => ({ name, type: 'client', org: name })),
      { name: POC_ADMIN, type: 'admin', org: 'poc', role: 'project_admin' },
    ].map((participant) =>
      participant.type === 'server' ? { ...participant, ...address(port) } : participant,
    ),
  };
  const checked = projectSchema.safeParse(project);
  if (checked.success) return checked.data;
  const faults = checked.error.issues.map((issue) => `${givenAt(project, issue.path)} ${issueText(issue)}`);
  throw flError('NF_PROJECT_INVALID', { faults: [...new Set(faults)].join('; ') });
}

/** What somebody gave, as they wrote it. */
function givenAt(project: object, path: readonly PropertyKey[]): string {
  return `'${String(path.reduce((value: unknown, key) => Reflect.get(Object(value), key), project))}'`;
}

/** A project of several machines, with its server on this one. */
function hereOf(project: Project, port: number): Project {
  const participants = project.participants.map((participant) => {
    if (participant.type === 'server') return { ...participant, ...address(port) };
    const { connect_to: _elsewhere, ...here } = participant;
    return here;
  });
  return { ...project, name: POC_PROJECT, participants: participants as Project['participants'] };
}

function address(port: number) {
  return {
    default_host: HERE,
    host_names: ['127.0.0.1'],
    listening_host: '127.0.0.1',
    fed_learn_port: port,
    listening_port: port,
  };
}

/** On one's own machine one's own code may run, and its logs and models are one's own. */
async function openPolicy(kit: string): Promise<void> {
  const path = join(kit, 'local/site-policy.yml');
  const text = await readFile(path, 'utf8');
  await writeFileAtomic(
    path,
    text
      .replace(/^code: approved$/m, 'code: any')
      .replace(/^send_logs: false$/m, 'send_logs: true')
      .replace(/^cross_site_evaluation: false$/m, 'cross_site_evaluation: true'),
  );
}
