import { type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { prettyJson } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { issueText } from '../../base/errors/issue-text.ts';
import { makeFolder, syncFolder, writeFileAtomic } from '../../base/files/files.ts';
import { lockFolder } from '../../base/files/lock.ts';
import { readInputText } from '../../base/files/read-file.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { isoDay } from '../certificate/iso-day.ts';
import {
  certificateFingerprint,
  isKeyOf,
  newPrivateKey,
  PRIVATE_FOLDER_MODE,
  readPrivateKey,
  writePrivateKey,
} from '../certificate/keys.ts';
import { readProject } from '../project/read-project.ts';
import { type Project, projectSchema } from '../project/schema.ts';

/** A project's certificate authority: `WORKSPACE/<project>/state/`, with its key. */
export interface Authority {
  /** WORKSPACE/<project> */
  readonly folder: string;
  readonly project: Project;
  readonly rootPem: string;
  readonly rootKey: KeyObject;
  readonly rootFingerprint: string;
  readonly rootExpires: Date;
}

export const STATE = {
  folder: 'state',
  key: 'state/ca.key',
  root: 'state/rootCA.pem',
  project: 'state/project.json',
  issued: 'state/issued.json',
  revoked: 'state/crl.pem',
} as const;

const UNFINISHED = /^\.(state|prod)-[0-9a-f]{8}$/;

/** Runs with nobody else at work in the project's folder, and what a killed run left behind cleared away. */
export async function withProject<T>(folder: string, work: () => Promise<T>): Promise<T> {
  await makeFolder(folder);
  const release = await lockFolder(join(folder, '.lock'), `The project ${basename(folder)}`);
  try {
    const left = (await readdir(folder)).filter((name) => UNFINISHED.test(name));
    await Promise.all(left.map((name) => rm(join(folder, name), { recursive: true, force: true })));
    return await work();
  } finally {
    await release();
  }
}

/** A folder that appears under its name once it is complete, or not at all. */
export async function stageFolder(
  folder: string,
  kind: 'state' | 'prod',
  fill: (stage: string) => Promise<string>,
): Promise<void> {
  const stage = join(folder, `.${kind}-${randomBytes(4).toString('hex')}`);
  await mkdir(stage, { mode: PRIVATE_FOLDER_MODE });
  try {
    await rename(stage, join(folder, await fill(stage)));
  } catch (error) {
    await rm(stage, { recursive: true, force: true });
    throw error;
  }
  await syncFolder(folder);
}

export async function hasAuthority(folder: string): Promise<boolean> {
  return (await stat(join(folder, STATE.folder)).catch(() => undefined)) !== undefined;
}

/** Makes the authority of a new project. Call inside `withProject`. @throws NF_CA_EXISTS */
export async function createAuthority(
  folder: string,
  project: Project,
  { now, days }: { now: Date; days: number },
): Promise<Authority> {
  if (await hasAuthority(folder)) throw flError('NF_CA_EXISTS', { path: join(folder, STATE.folder) });
  const { issueRoot } = await import('../certificate/issue.ts');
  const key = await newPrivateKey();
  const rootPem = await issueRoot(project.name, key, { now, days });
  await stageFolder(folder, 'state', async (stage) => {
    const inStage = (path: string) => join(stage, path.slice(STATE.folder.length + 1));
    await writePrivateKey(inStage(STATE.key), key);
    await writeFileAtomic(inStage(STATE.root), rootPem);
    await writeFileAtomic(inStage(STATE.project), prettyJson(project));
    await writeFileAtomic(inStage(STATE.issued), '[]\n');
    return STATE.folder;
  });
  return openAuthority(folder);
}

/** @throws NF_CA_BROKEN, NF_KEY_EXPOSED, NF_KEY_INVALID */
export async function openAuthority(folder: string): Promise<Authority> {
  const rootKey = await readPrivateKey(join(folder, STATE.key));
  const broken = (reason: string, cause?: unknown) =>
    flError('NF_CA_BROKEN', { path: join(folder, STATE.folder), reason }, { cause });
  const rootPem = await readInputText(join(folder, STATE.root)).catch((cause) => {
    throw broken(`${STATE.root} cannot be read`, cause);
  });
  const root = certificateOf(rootPem);
  if (!root) throw broken(`${STATE.root} holds no certificate`);
  const pem = await readInputText(join(folder, STATE.key));
  if (!isKeyOf(pem, root.publicKey)) throw broken(`${STATE.key} is not the key of ${STATE.root}`);
  return {
    folder,
    project: await readProject(join(folder, STATE.project)),
    rootPem,
    rootKey,
    rootFingerprint: certificateFingerprint(root),
    rootExpires: new Date(root.validTo),
  };
}

/** @throws NF_CA_EXPIRED */
export function mustBeValid({ project, rootExpires }: Authority, now: Date): void {
  if (rootExpires > now) return;
  throw flError('NF_CA_EXPIRED', { project: project.name, date: isoDay(rootExpires) });
}

/** The folder of a project in a workspace, by its name or because it is the only one. */
export async function findAuthority(workspace: string, project?: string): Promise<string> {
  const entries = await readdir(workspace, { withFileTypes: true }).catch(() => []);
  const names: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory() && (await hasAuthority(join(workspace, entry.name)))) names.push(entry.name);
  }
  const wanted = project ?? (names.length === 1 ? names[0] : undefined);
  if (wanted !== undefined && names.includes(wanted)) return join(workspace, wanted);
  if (project === undefined && names.length > 1) {
    throw flError('NF_PROJECT_AMBIGUOUS', { workspace, projects: names.sort().join(', ') });
  }
  const nearest = project === undefined ? '' : didYouMean(project, names);
  throw flError('NF_PROJECT_UNKNOWN', { project: project ?? 'any project', workspace, nearest });
}

/**
 * The authority with the participants of a newer project file: the file's word counts, and who was added later stays. A
 * project has one server, so that a renamed one takes the old one's place.
 */
export async function updateProject(authority: Authority, file: Project): Promise<Authority> {
  const named = new Set(file.participants.map(({ name }) => name.toLowerCase()));
  const kept = authority.project.participants.filter(
    ({ name, type }) => !named.has(name.toLowerCase()) && type !== 'server',
  );
  const checked = projectSchema.safeParse({ ...file, participants: [...file.participants, ...kept] });
  if (!checked.success) {
    const faults = checked.error.issues
      .map((issue) => `'${issue.path.join('.')}' ${issueText(issue)}`)
      .join('; ');
    throw flError(
      'NF_PROJECT_INVALID',
      { faults },
      { place: { file: join(authority.folder, STATE.project) } },
    );
  }
  const project = checked.data;
  await writeFileAtomic(join(authority.folder, STATE.project), prettyJson(project));
  return { ...authority, project };
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
