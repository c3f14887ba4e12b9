import { Flags } from '@oclif/core';
import { z } from 'zod';
import { confirm, originalLine, signQuestion } from '../../output/confirm.ts';
import { forceFlag, jobArg, validDaysFlag } from '../../output/remote-args.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { shellWord } from '../../runtime/base/text/shell-word.ts';

const resultSchema = z.object({
  job_id: z.string(),
  cloned_from: z.string(),
  submitter: z.string().describe('who signed it first'),
  code_sha256: z.string().describe('of the code that was signed anew'),
});
type Result = z.output<typeof resultSchema>;

export default class JobClone extends RemoteCommand<Result> {
  static override summary = 'submit a job of the server once more, signed as your own';
  static override description =
    'What the server sends is signed anew only if it is what the first submitter signed; who that was, the digest of the code and the sites are shown. The new job is for the same sites.';
  static override examples = ['<%= config.bin %> job clone 3f2a91c0'];
  static override args = { job: jobArg };
  static override flags = {
    study: Flags.string({ summary: 'study of the new job; default: that of the old one' }),
    force: forceFlag,
    'valid-days': validDaysFlag,
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(JobClone);
    const { cloneJob } = await import('../../runtime/deployment/admin/clone.ts');
    return this.withAdmin(async (admin) => {
      const { jobId, clonedFrom, original } = await cloneJob(admin, args.job, {
        study: flags.study,
        validDays: flags['valid-days'],
        signal: this.signal,
        onOriginal: (original) => {
          const { submitter, org, owner } = original;
          this.note(originalLine(original));
          // By the server's own word it is not the submitter's.
          if (submitter === owner) return undefined;
          return confirm(signQuestion(submitter, org), flags);
        },
      });
      const { submitter, codeSha256 } = original;
      return { job_id: jobId, cloned_from: clonedFrom, submitter, code_sha256: codeSha256 };
    });
  }

  protected override render({ job_id: id, cloned_from: from }: Result): string {
    return `Submitted ${from} again as ${id}.\nNext: neuroflare job monitor ${shellWord(id)}`;
  }
}
