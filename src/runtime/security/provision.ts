import { createPublicKey } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { flError } from '../base/errors/errors.ts';
import { writeFileAtomic } from '../base/files/files.ts';
import { writeApproval } from './approval/approval.ts';
import { mustMatch, readRequest } from './approval/request.ts';
import {
  type Authority,
  createAuthority,
  findAuthority,
  hasAuthority,
  openAuthority,
  STATE,
  stageFolder,
  updateProject,
  withProject,
} from './authority/authority.ts';
import {
  type Issued,
  issueCertificates,
  knownKey,
  listRevoked,
  participantOf,
  revokeCertificates,
} from './authority/ledger.ts';
import {
  checkFingerprint,
  keyFingerprint,
  keyPem,
  newPrivateKey,
  PRIVATE_FOLDER_MODE,
} from './certificate/keys.ts';
import { kitFiles, REVOKED_FILE } from './kit/layout.ts';
import { startupFiles } from './kit/startup-files.ts';
import { replaceStartup, writeKit } from './kit/write.ts';
import { serverOf } from './project/read-project.ts';
import { SAMPLE_PROJECT } from './project/sample.ts';
import type { Participant, Project } from './project/schema.ts';

export interface ProvisionOptions {
  readonly workspace: string;
  /** Days a participant's certificate is good for. */
  readonly days: number;
  /** Days the authority's own is good for, when it is made. */
  readonly rootDays: number;
  readonly now: Date;
}

export interface Provisioned {
  readonly authority: Authority;
  /** WORKSPACE/<project>/prod_NN */
  readonly folder: string;
  readonly kits: readonly (Issued & { readonly path: string })[];
}

/** Makes the authority if there is none yet, and a kit for everybody in the project file, in a new `prod_NN`. */
export async function provision(project: Project, options: ProvisionOptions): Promise<Provisioned> {
  const folder = join(options.workspace, project.name);
  return withProject(folder, async () => {
    const authority = (await hasAuthority(folder))
      ? await updateProject(await openAuthority(folder), project)
      : await createAuthority(folder, project, { now: options.now, days: options.rootDays });
    return makeKits(authority, project.participants, options);
  });
}

/** The authority alone, for participants who make their own keys. @throws NF_CA_EXISTS */
export async function initAuthority(project: Project, options: ProvisionOptions): Promise<Authority> {
  const folder = join(options.workspace, project.name);
  return withProject(folder, () =>
    createAuthority(folder, project, { now: options.now, days: options.rootDays }),
  );
}

/** One more participant under the same authority, with a kit in a new `prod_NN`. @throws NF_PARTICIPANT_EXISTS */
export async function addParticipant(
  participant: Participant,
  options: ProvisionOptions & { readonly project?: string | undefined },
): Promise<Provisioned> {
  const folder = await findAuthority(options.workspace, options.project);
  return withProject(folder, async () => {
    const before = await openAuthority(folder);
    const taken = before.project.participants.find(
      ({ name }) => name.toLowerCase() === participant.name.toLowerCase(),
    );
    if (taken) throw flError('NF_PARTICIPANT_EXISTS', { project: before.project.name, name: taken.name });
    const project = { ...before.project, participants: [...before.project.participants, participant] };
    return makeKits(await updateProject(before, project), [participant], options);
  });
}

export interface Renewed {
  readonly authority: Authority;
  readonly issued: Issued;
  /** What a site puts in with `package`. */
  readonly approval: string;
  /** The kit under the workspace that was renewed in place; none if the participant made its own key. */
  readonly kit: string | undefined;
}

/** A new certificate for the key a participant has, and new signed files. */
export async function renewParticipant(
  name: string,
  options: ProvisionOptions & { readonly project?: string | undefined },
): Promise<Renewed> {
  const folder = await findAuthority(options.workspace, options.project);
  return withProject(folder, async () => {
    const authority = await openAuthority(folder);
    const { participant, publicKey } = await knownKey(authority, name);
    const issued = await issueOne(authority, { participant, publicKey, why: 'renew' as const }, options);
    const { path, startup } = await writeApproval(authority, issued, options.now);
    const kit = await kitWithKey(folder, participant, keyFingerprint(publicKey));
    if (kit !== undefined) await replaceStartup(kit, participant.type, startup);
    return { authority, issued, approval: path, kit };
  });
}

export interface Revoked {
  readonly authority: Authority;
  /** The list of revoked certificates under the workspace. */
  readonly list: string;
  /** The server's kits under the workspace that got it. */
  readonly kits: readonly string[];
}

interface ListOptions {
  readonly workspace: string;
  readonly project?: string | undefined;
  readonly now: Date;
}

/** Lets nobody in any more with a certificate of this participant, once the server has the new list. */
export function revokeParticipant(name: string, options: ListOptions): Promise<Revoked> {
  return giveList(options, (authority) => revokeCertificates(authority, name, options.now));
}

/** Dates the list of the revoked anew, for sites that take no old one. */
export function renewList(options: ListOptions): Promise<Revoked> {
  return giveList(options, (authority) => listRevoked(authority, options.now));
}

async function giveList(
  options: ListOptions,
  make: (authority: Authority) => Promise<string>,
): Promise<Revoked> {
  const folder = await findAuthority(options.workspace, options.project);
  return withProject(folder, async () => {
    const authority = await openAuthority(folder);
    const list = await make(authority);
    const server = serverOf(authority.project).name;
    const kits: string[] = [];
    for (const prod of await prodFolders(folder)) {
      const kit = join(folder, prod.name, server);
      if (!(await stat(kit).catch(() => undefined))) continue;
      await writeFileAtomic(join(kit, REVOKED_FILE), list);
      kits.push(kit);
    }
    return { authority, list: join(folder, STATE.revoked), kits };
  });
}

export interface ApproveOptions extends Omit<ProvisionOptions, 'rootDays'> {
  /** The project of the request: a newer project file, or the name of one in the workspace. */
  readonly project?: Project | undefined;
  /** Of the key in the request, told by another way than the request came on. */
  readonly fingerprint?: string | undefined;
}

/** Certifies a request for exactly what the project says of its name. */
export async function approveRequest(path: string, options: ApproveOptions): Promise<Omit<Renewed, 'kit'>> {
  const request = await readRequest(path);
  checkFingerprint(`the key in ${path}`, request.fingerprint, options.fingerprint);
  const folder = await findAuthority(options.workspace, options.project?.name);
  return withProject(folder, async () => {
    const opened = await openAuthority(folder);
    const authority = options.project ? await updateProject(opened, options.project) : opened;
    const participant = participantOf(authority, request.name);
    mustMatch(request, participant);
    const issue = { participant, publicKey: request.publicKey, why: 'approve' as const };
    const issued = await issueOne(authority, issue, options);
    return { authority, issued, approval: (await writeApproval(authority, issued, options.now)).path };
  });
}

/** @throws NF_PROJECT_EXISTS */
export async function writeSampleProject(path: string): Promise<void> {
  await writeFile(path, SAMPLE_PROJECT, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw flError('NF_PROJECT_EXISTS', { path }, { place: { file: path } });
  });
}

async function makeKits(
  authority: Authority,
  participants: readonly Participant[],
  options: ProvisionOptions,
): Promise<Provisioned> {
  const keys = await Promise.all(participants.map(() => newPrivateKey()));
  const issues = keys.flatMap((key, index) => {
    const participant = participants[index];
    return participant ? [{ participant, publicKey: createPublicKey(key), why: 'provision' as const }] : [];
  });
  const issued = await issueCertificates(authority, issues, options);
  const name = await nextProd(authority.folder);
  const revoked = await readFile(join(authority.folder, STATE.revoked), 'utf8').catch(() => undefined);
  await stageFolder(authority.folder, 'prod', async (stage) => {
    for (const [index, { participant, certificate }] of issued.entries()) {
      const key = keys[index];
      if (!key) continue;
      const startup = startupFiles(authority, { participant, certificate, now: options.now });
      const dir = join(stage, participant.name);
      await mkdir(dir, { mode: PRIVATE_FOLDER_MODE });
      await writeKit(dir, { type: participant.type, startup, key: keyPem(key) });
      if (participant.type === 'server' && revoked !== undefined) {
        await writeFileAtomic(join(dir, REVOKED_FILE), revoked);
      }
    }
    return name;
  });
  const folder = join(authority.folder, name);
  return {
    authority,
    folder,
    kits: issued.map((one) => ({ ...one, path: join(folder, one.participant.name) })),
  };
}

async function issueOne(
  authority: Authority,
  issue: Parameters<typeof issueCertificates>[1][number],
  options: Pick<ProvisionOptions, 'now' | 'days'>,
): Promise<Issued> {
  const [issued] = await issueCertificates(authority, [issue], options);
  if (!issued) throw flError('NF_INTERNAL', { message: 'no certificate was issued' });
  return issued;
}

const PROD = /^prod_(\d+)$/;

async function prodFolders(folder: string): Promise<{ name: string; number: number }[]> {
  const names = await readdir(folder);
  return names
    .flatMap((name) => {
      const digits = PROD.exec(name)?.[1];
      return digits === undefined ? [] : [{ name, number: Number(digits) }];
    })
    .sort((a, b) => b.number - a.number);
}

async function nextProd(folder: string): Promise<string> {
  const [newest] = await prodFolders(folder);
  return `prod_${String(newest ? newest.number + 1 : 0).padStart(2, '0')}`;
}

/** The newest kit under the workspace that holds this key. */
async function kitWithKey(
  folder: string,
  { name, type }: Participant,
  fingerprint: string,
): Promise<string | undefined> {
  for (const prod of await prodFolders(folder)) {
    const kit = join(folder, prod.name, name);
    const pem = await readFile(join(kit, kitFiles(type).key), 'utf8').catch(() => '');
    if (pem !== '' && keyFingerprint(createPublicKey(pem)) === fingerprint) return kit;
  }
  return undefined;
}
