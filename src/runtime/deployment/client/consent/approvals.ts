import { userInfo } from 'node:os';
import { z } from 'zod';
import { prettyJson } from '../../../base/digest.ts';
import { flError } from '../../../base/errors/errors.ts';
import { writeFileAtomic } from '../../../base/files/files.ts';
import { lockFolder } from '../../../base/files/lock.ts';
import { readRecord } from '../../../base/files/record-file.ts';
import type { ClientFolder } from '../memory/client-folder.ts';

const approvalsSchema = z.strictObject({
  approved: z.array(
    z.strictObject({
      code_sha256: z.string(),
      /** Of whom the operating system says so. */
      by: z.string(),
      time: z.iso.datetime(),
    }),
  ),
});
type Approvals = z.output<typeof approvalsSchema>;

const FORM = {
  schema: approvalsSchema,
  damaged: (found: { path: string; reason: string }) =>
    flError('NF_APPROVALS_INVALID', found, { place: { file: found.path } }),
};

/** Code that somebody at this site has approved, by its digest. @throws NF_APPROVALS_INVALID */
export async function readApprovals({ approvals: path }: ClientFolder): Promise<Approvals> {
  return (await readRecord(path, FORM)) ?? { approved: [] };
}

/** False if it was approved before. A running client sees it within a second. */
export function approveCode(folder: ClientFolder, code: string): Promise<boolean> {
  const one = { code_sha256: code, by: userInfo().username, time: new Date().toISOString() };
  return change(folder, (approved) =>
    approved.some(({ code_sha256: known }) => known === code) ? approved : [...approved, one],
  );
}

/** False if it was not approved. */
export function withdrawApproval(folder: ClientFolder, code: string): Promise<boolean> {
  return change(folder, (approved) => approved.filter(({ code_sha256: known }) => known !== code));
}

/** Returns whether anything changed. */
async function change(
  folder: ClientFolder,
  make: (approved: Approvals['approved']) => Approvals['approved'],
): Promise<boolean> {
  const release = await lockFolder(`${folder.approvals}.lock`, 'The list of approvals');
  try {
    const { approved } = await readApprovals(folder);
    const changed = make(approved);
    if (changed.length === approved.length) return false;
    await writeFileAtomic(folder.approvals, prettyJson({ approved: changed }));
    return true;
  } finally {
    await release();
  }
}
