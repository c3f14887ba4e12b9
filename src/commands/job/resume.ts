import { z } from 'zod';
import { confirm, originalLine, signQuestion } from '../../output/confirm.ts';
import { forceFlag, jobArg, validDaysFlag } from '../../output/remote-args.ts';
import { JobCommand } from '../../remote-command.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { shellWord } from '../../runtime/base/text/shell-word.ts';

const resultSchema = z.object({
  job_id: z.string(),
  round: z.int().describe('closed so far: it goes on after it'),
  num_rounds: z.int(),
  resumes: z.int().describe('how often it was resumed'),
  submitter: z.string().describe('who had signed it'),
  code_sha256: z.string().describe('of the code that was signed anew'),
});
type Result = z.output<typeof resultSchema>;

export default class JobResume extends JobCommand<Result> {
  static override summary = 'go on with a job that failed, was aborted or could not be scheduled';
  static override description =
    'The job keeps its id, its closed rounds and what its sites kept, and ends with the bytes of an undisturbed run. It is signed anew with ' +
    'the key of the kit, if what the server sends is what was signed before. What somebody else signed is signed after a question only (--force in scripts). Mend the cause first: sites decide again whether they take it.';
  static override examples = ['<%= config.bin %> job resume 3f2a91c0'];
  static override args = { job: jobArg };
  static override flags = { force: forceFlag, 'valid-days': validDaysFlag };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(JobResume);
    const { resumeJob } = await import('../../runtime/deployment/admin/resume.ts');
    return this.withAdmin(async (admin) => {
      const { meta, original } = await resumeJob(admin, args.job, {
        validDays: flags['valid-days'],
        signal: this.signal,
        onOriginal: (original) => {
          const { submitter, org } = original;
          this.note(originalLine(original));
          // Somebody else's name under the code is the one thing that a server could choose.
          if (submitter === admin.kit.identity.name) return undefined;
          return confirm(signQuestion(submitter, org), flags);
        },
      });
      return {
        job_id: meta.job_id,
        round: meta.round,
        num_rounds: meta.num_rounds,
        resumes: meta.resumed?.length ?? 0,
        submitter: original.submitter,
        code_sha256: original.codeSha256,
      };
    });
  }

  protected override render({ job_id: id, round, num_rounds: all }: Result): string {
    return `Resumed ${id} after ${round} of ${counted(all, 'round')}.\nNext: neuroflare job monitor ${shellWord(id)}`;
  }
}
