import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { prettyJson } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { firstFault } from '../../base/errors/issue-text.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import { readInputText } from '../../base/files/read-file.ts';
import type { Authority } from '../authority/authority.ts';
import type { Issued } from '../authority/ledger.ts';
import { kitFiles } from '../kit/layout.ts';
import { type KitTexts, startupFiles } from '../kit/startup-files.ts';

/**
 * What the coordinator sends back: a kit without its private key, in one file. No archive, so that there is nothing to
 * unpack, and the only paths in it are those of the layout.
 */
/** Names a folder where nobody says which: not one elsewhere. */
const anyName = z.string().regex(/^[A-Za-z0-9][\w.@+-]{0,63}$/, 'must be the name of a participant');
const approvalSchema = z.strictObject({
  version: z.literal(1),
  kind: z.literal('neuroflare-approval'),
  project: z.string(),
  participant: anyName,
  type: z.enum(['server', 'client', 'admin']),
  files: z.record(z.string(), z.string()),
});
export type Approval = z.output<typeof approvalSchema>;

const MAX_BYTES = 1_000_000;

/** Writes `WORKSPACE/<project>/approvals/<name>-<serial>.approval.json`. */
export async function writeApproval(
  authority: Authority,
  { participant, certificate, serial }: Issued,
  now: Date,
): Promise<{ path: string; startup: KitTexts }> {
  const startup = startupFiles(authority, { participant, certificate, now });
  const approval: Approval = {
    version: 1,
    kind: 'neuroflare-approval',
    project: authority.project.name,
    participant: participant.name,
    type: participant.type,
    files: { ...startup },
  };
  const path = join(authority.folder, 'approvals', `${participant.name}-${serial.slice(0, 8)}.approval.json`);
  await writeFileAtomic(path, prettyJson(approval));
  return { path, startup };
}

/** @throws NF_PATH_MISSING, NF_APPROVAL_INVALID */
export async function readApproval(path: string): Promise<Approval> {
  const value = await readJson(path, 'The approval').catch((cause) => {
    throw cause instanceof SyntaxError ? invalidApproval(path, 'it is not JSON', cause) : cause;
  });
  const checked = approvalSchema.safeParse(value);
  if (!checked.success) throw invalidApproval(path, firstFault(checked.error));
  const { type, files } = checked.data;
  const { root, certificate, endpoint, signature } = kitFiles(type);
  const wanted = [root, certificate, endpoint, signature].sort().join(', ');
  const found = Object.keys(files).sort().join(', ');
  if (found !== wanted) {
    throw invalidApproval(path, `it holds ${found || 'nothing'} where ${wanted} belong`);
  }
  return checked.data;
}

export function invalidApproval(path: string, reason: string, cause?: unknown) {
  return flError('NF_APPROVAL_INVALID', { path, reason }, { place: { file: path }, cause });
}

/** JSON from a stranger: a small file or none. @throws SyntaxError, NF_PATH_MISSING */
export async function readJson(path: string, what: string): Promise<unknown> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw flError('NF_PATH_MISSING', { what, path }, { place: { file: path } });
  if (found.size > MAX_BYTES) throw new SyntaxError(`more than ${MAX_BYTES} bytes`);
  return JSON.parse(await readInputText(path));
}
