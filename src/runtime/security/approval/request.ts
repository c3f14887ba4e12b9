import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { prettyJson } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { firstFault, issueText } from '../../base/errors/issue-text.ts';
import { reasonOf } from '../../base/errors/reason-of.ts';
import { makeFolder, writeFileAtomic } from '../../base/files/files.ts';
import { keyFingerprint, newPrivateKey, PRIVATE_FOLDER_MODE, writePrivateKey } from '../certificate/keys.ts';
import {
  ADMIN_ROLES,
  type AdminRole,
  type Participant,
  type ParticipantType,
  participantSchema,
} from '../project/schema.ts';
import { readJson } from './approval.ts';

/** request.json: the one file that leaves the participant. */
const requestSchema = z.strictObject({
  version: z.literal(1),
  kind: z.literal('neuroflare-request'),
  name: z.string().min(1).max(64),
  type: z.enum(['server', 'client', 'admin']),
  org: z.string().min(1).max(64),
  role: z.enum(ADMIN_ROLES).optional(),
  csr: z.string().describe('PKCS #10, PEM; the proof that the sender holds the key'),
});

export interface RequestOptions {
  readonly name: string;
  readonly type: ParticipantType;
  readonly org: string;
  readonly role?: AdminRole | undefined;
  /** Folder to make. */
  readonly out: string;
}

export interface MadeRequest {
  readonly folder: string;
  readonly request: string;
  readonly key: string;
  readonly fingerprint: string;
}

export const REQUEST_FILES = { request: 'request.json', key: 'private.key' } as const;

/** Makes a key that stays and a request that travels, in a new folder. @throws NF_REQUEST_EXISTS, NF_USAGE */
export async function makeRequest({ out, ...wish }: RequestOptions): Promise<MadeRequest> {
  checkWish(wish);
  const folder = resolve(out);
  if (await stat(folder).catch(() => undefined)) {
    throw flError('NF_REQUEST_EXISTS', { path: out }, { place: { file: out } });
  }
  const { createRequest } = await import('../certificate/issue.ts');
  const key = await newPrivateKey();
  const csr = await createRequest(wish.name, key);
  const request = { version: 1, kind: 'neuroflare-request', ...wish, csr };
  const stage = join(dirname(folder), `.${basename(folder)}-${randomBytes(4).toString('hex')}`);
  await makeFolder(dirname(folder));
  await mkdir(stage, { mode: PRIVATE_FOLDER_MODE });
  try {
    await writePrivateKey(join(stage, REQUEST_FILES.key), key);
    await writeFileAtomic(join(stage, REQUEST_FILES.request), prettyJson(request));
    await rename(stage, folder);
  } catch (error) {
    await rm(stage, { recursive: true, force: true });
    throw error;
  }
  return {
    folder: out,
    request: join(out, REQUEST_FILES.request),
    key: join(out, REQUEST_FILES.key),
    fingerprint: keyFingerprint(createPublicKey(key)),
  };
}

export interface OpenedRequest extends Omit<RequestOptions, 'out'> {
  readonly publicKey: KeyObject;
  readonly fingerprint: string;
}

/** Reads a request and checks that its sender holds the key. @throws NF_PATH_MISSING, NF_REQUEST_INVALID */
export async function readRequest(path: string): Promise<OpenedRequest> {
  const invalid = (reason: string, cause?: unknown) =>
    flError('NF_REQUEST_INVALID', { path, reason }, { place: { file: path }, cause });
  const value = await readJson(path, 'The request').catch((cause) => {
    throw cause instanceof SyntaxError ? invalid('it is not JSON', cause) : cause;
  });
  const checked = requestSchema.safeParse(value);
  if (!checked.success) throw invalid(firstFault(checked.error));
  const { name, type, org, role, csr } = checked.data;
  const { openRequest } = await import('../certificate/issue.ts');
  const opened = await openRequest(csr).catch((cause: unknown) => {
    throw invalid(reasonOf(cause), cause);
  });
  if (opened.name !== name) throw invalid(`it is of ${name} and its key of ${opened.name}`);
  return {
    name,
    type,
    org,
    role,
    publicKey: opened.publicKey,
    fingerprint: keyFingerprint(opened.publicKey),
  };
}

/** Nobody becomes what the project does not say. @throws NF_REQUEST_MISMATCH */
export function mustMatch(request: OpenedRequest, participant: Participant): void {
  const words = (who: { type: string; org: string; role?: string | undefined }) =>
    [`type ${who.type}`, `org ${who.org}`, ...(who.role ? [`role ${who.role}`] : [])].join(', ');
  const known = words(participant);
  const asked = words(request);
  if (asked !== known) throw flError('NF_REQUEST_MISMATCH', { name: request.name, asked, known });
}

/** The rules of project.yml, so that a typing slip is found here and not at the coordinator. */
function checkWish({ name, type, org, role }: Omit<RequestOptions, 'out'>): void {
  const wish = { name, type, org, ...(role && { role }) };
  const [issue] = participantSchema.safeParse(wish).error?.issues ?? [];
  if (!issue) return;
  const key = issue.code === 'unrecognized_keys' ? issue.keys.join(', ') : issue.path.join('.');
  const reason = issue.code === 'unrecognized_keys' ? 'is for admins only' : issueText(issue);
  throw flError('NF_USAGE', { message: `${key} ${reason}.` });
}
