import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { makeFolder } from '../../base/files/files.ts';
import { readInputText } from '../../base/files/read-file.ts';
import {
  certificateFingerprint,
  checkFingerprint,
  isKeyOf,
  keyPem,
  PRIVATE_FOLDER_MODE,
  readPrivateKey,
} from '../certificate/keys.ts';
import { kitFiles } from '../kit/layout.ts';
import { type KitReport, verifyKit } from '../kit/verify.ts';
import { replaceStartup, writeKit } from '../kit/write.ts';
import { type Approval, invalidApproval, readApproval } from './approval.ts';
import { REQUEST_FILES } from './request.ts';

export interface PackageOptions {
  readonly approval: string;
  /** Folder of `cert request`; a kit that is being renewed has the key itself. */
  readonly request?: string | undefined;
  /** Folder of the kit; default: the participant's name. */
  readonly out?: string | undefined;
  /** SHA-256 of the authority's certificate, told by another way than the file came on. */
  readonly fingerprint?: string | undefined;
  readonly now?: Date;
}

export interface PackagedKit {
  readonly path: string;
  /** True if a kit that was there got new signed files. */
  readonly renewed: boolean;
  readonly report: KitReport;
}

/**
 * Joins an approval with the private key that never left: a new kit, or new signed files in one that is in use. The kit
 * is put together aside and verified whole before anything is touched.
 *
 * @throws NF_APPROVAL_INVALID, NF_APPROVAL_KEY, NF_FINGERPRINT_MISMATCH, NF_KEY_EXPOSED, NF_KIT_EXISTS
 */
export async function packageKit(options: PackageOptions): Promise<PackagedKit> {
  const approval = await readApproval(options.approval);
  const out = options.out ?? approval.participant;
  const { key, inUse } = await findKey(approval, options, out);
  const root = certificateIn(approval, 'root', options.approval);
  const leaf = certificateIn(approval, 'certificate', options.approval);
  const rootFingerprint = certificateFingerprint(root);
  checkFingerprint(
    "the authority's certificate",
    rootFingerprint,
    options.fingerprint ?? (inUse ? await ownRoot(out) : undefined),
  );
  if (!isKeyOf(key.pem, leaf.publicKey)) {
    throw flError(
      'NF_APPROVAL_KEY',
      { path: options.approval, key: key.path },
      { place: { file: key.path } },
    );
  }
  const stage = join(dirname(resolve(out)), `.${basename(out)}-${randomBytes(4).toString('hex')}`);
  await makeFolder(dirname(stage));
  await mkdir(stage, { mode: PRIVATE_FOLDER_MODE });
  try {
    await writeKit(stage, { type: approval.type, startup: approval.files, key: key.pem });
    await checkStage(stage, { approval, path: options.approval, now: options.now });
    if (inUse) await replaceStartup(out, approval.type, approval.files);
    else await rename(stage, out);
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
  return { path: out, renewed: inUse, report: await verifyKit(out, options.now && { now: options.now }) };
}

/** The key of the request, or of the kit in `out`. */
async function findKey(approval: Approval, { request, approval: path }: PackageOptions, out: string) {
  const inKit = join(out, kitFiles(approval.type).key);
  const isThere = async (file: string) => (await stat(file).catch(() => undefined)) !== undefined;
  const inUse = await isThere(inKit);
  if (!inUse && (await isThere(out))) {
    throw flError('NF_KIT_EXISTS', { path: out, name: approval.participant }, { place: { file: out } });
  }
  const source = request === undefined ? inKit : join(request, REQUEST_FILES.key);
  if (!(await isThere(source))) {
    throw flError('NF_APPROVAL_KEY', { path, key: source }, { place: { file: source } });
  }
  const pem = keyPem(await readPrivateKey(source));
  if (inUse && request !== undefined && keyPem(await readPrivateKey(inKit)) !== pem) {
    throw flError('NF_KIT_EXISTS', { path: out, name: approval.participant }, { place: { file: out } });
  }
  return { key: { path: source, pem }, inUse };
}

async function checkStage(
  stage: string,
  { approval, path, now }: { approval: Approval; path: string; now: Date | undefined },
): Promise<void> {
  const { faults, identity, endpoint, participant, project } = await verifyKit(stage, now && { now });
  const [first] = faults;
  if (first) throw invalidApproval(path, first.message);
  const agreed =
    identity?.type === approval.type &&
    endpoint?.name === identity.name &&
    participant === approval.participant &&
    project === approval.project;
  if (!agreed) throw invalidApproval(path, 'its files are not of one participant');
}

function certificateIn(
  { type, files }: Approval,
  which: 'root' | 'certificate',
  path: string,
): X509Certificate {
  try {
    return new X509Certificate(files[kitFiles(type)[which]] ?? '');
  } catch (cause) {
    throw invalidApproval(path, `${kitFiles(type)[which]} is no certificate`, cause);
  }
}

/** What a kit in use trusts now; unreadable, it says nothing. */
async function ownRoot(kit: string): Promise<string | undefined> {
  try {
    const pem = await readInputText(join(kit, kitFiles('client').root));
    return certificateFingerprint(new X509Certificate(pem));
  } catch {
    return undefined;
  }
}
