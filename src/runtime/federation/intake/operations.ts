import { readFile } from 'node:fs/promises';
import { sha256 } from '../../base/digest.ts';
import { flError } from '../../base/errors/errors.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import { REQUEST_LIMITS } from '../../base/limits.ts';
import { parseJson } from '../../base/parse-json.ts';
import { type Bundle, writeBundle } from '../../job/bundle.ts';
import type { JobDefinition } from '../../job/definition.ts';
import { JOB_LIMITS } from '../../job/limits.ts';
import type { LoadedJob } from '../../job/load.ts';
import { submission } from '../../network/messages/admin.ts';
import { readRequest } from '../../network/messages/read-request.ts';
import { packedBundle } from '../../network/messages/shapes.ts';
import { unpackBundle } from '../../network/packed-bundle.ts';
import { modelForm } from '../model-form.ts';
import { reportedInside } from '../reported-inside.ts';
import { filesOf, loadSubmittedJob, type SubmissionRules } from '../submitted-job.ts';

/** A job that passed every check that can be made without data. */
export type CheckedJob = Pick<LoadedJob, 'value' | 'definition'>;

export interface Digests {
  /** Over the paths and contents of the files. */
  readonly bundleSha256: string;
  /** The same without job.yaml. */
  readonly codeSha256: string;
}

function digestsOf({ sha256: bundleSha256, codeSha256 }: Bundle): Digests {
  return { bundleSha256, codeSha256 };
}

const BOUNDS = { depth: JOB_LIMITS.depth.most, values: REQUEST_LIMITS.json_values.most } as const;

/** What is done with a job of others: in a thread of its own, for it may break what looks at it. */
export const INTAKE = {
  /** Reads a submission, and lays its files out in a new folder, and beside it as they travel. */
  unpack: async ({ body, folder, keep }: { body: Uint8Array; folder: string; keep: string }) => {
    const text = new TextDecoder().decode(body);
    const { bundle: packed, ...submitted } = readRequest(text, submission, BOUNDS);
    const bundle = unpackBundle(packed);
    const bytes = Buffer.from(JSON.stringify(packed));
    await writeBundle(bundle, folder);
    await writeFileAtomic(keep, bytes);
    return { submitted, ...digestsOf(bundle), packed: { sha256: sha256(bytes), size: bytes.length } };
  },
  /** Lays the files out that were fetched into a file, if they are those that were signed. */
  open: async ({ file, folder, signed }: { file: string; folder: string; signed: string }) => {
    const parsed = packedBundle.safeParse(parseJson(await readFile(file, 'utf8')));
    if (!parsed.success) throw flError('NF_JOB_BUNDLE', { reason: 'it is no bundle of a job' });
    const bundle = unpackBundle(parsed.data);
    if (bundle.sha256 !== signed)
      throw flError('NF_JOB_SIGNATURE', { reason: 'its files are not those that were signed' });
    await writeBundle(bundle, folder);
    return digestsOf(bundle);
  },
  /** Reads and checks a job in a folder of its own. */
  load: ({ folder, rules }: { folder: string; rules: SubmissionRules }): Promise<CheckedJob> =>
    reportedInside(folder, async () => {
      const { value, definition } = (await loadSubmittedJob(folder, rules)).job;
      return { value, definition };
    }),
  /** What every model of a job looks like whose files are in a folder. */
  form: ({ folder, job, mostModelBytes }: { folder: string; job: JobDefinition; mostModelBytes: number }) =>
    modelForm(job, { rules: filesOf(folder, mostModelBytes) }),
};
