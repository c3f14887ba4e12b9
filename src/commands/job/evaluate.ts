import { Flags } from '@oclif/core';
import { z } from 'zod';
import { confirm, originalLine, signQuestion } from '../../output/confirm.ts';
import { renderEvaluation } from '../../output/evaluation-summary.ts';
import { createJobView, endText } from '../../output/job-view.ts';
import { forceFlag, JOB_GOES_ON, jobArg, validDaysFlag } from '../../output/remote-args.ts';
import { JobCommand } from '../../remote-command.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { shellWord } from '../../runtime/base/text/shell-word.ts';
import { evaluationSchema } from '../../runtime/evaluation/result.ts';

const resultSchema = z.object({
  job_id: z.string().describe('of the job that judged it'),
  folder: z.string().describe('holds evaluation.json'),
  evaluation: evaluationSchema,
});
type Result = z.output<typeof resultSchema>;

export default class JobEvaluate extends JobCommand<Result> {
  static override summary = 'have the sites of a finished job judge its model on their own test images';
  static override description =
    'Submits a job of the workflow evaluation with the same code, network and sites, waits for it, and brings what it came to. Images stay at their sites: they tell sums over their people, ' +
    'of which the figures are made that `evaluate` gives of a run whose images lie on one machine. A site that has approved the code of the job is not asked again.';
  static override examples = [
    '<%= config.bin %> job evaluate 3f2a91c0',
    '<%= config.bin %> job evaluate 3f2a91c0 --model final --output-dir results/glioma-judged',
  ];
  static override args = { job: jobArg };
  static override flags = {
    model: Flags.option({
      options: ['best', 'final'] as const,
      default: 'best',
      summary: 'which model of the job',
    })(),
    'output-dir': Flags.string({ char: 'o', summary: 'folder to make; default: ./<id of the new job>' }),
    'valid-days': validDaysFlag,
    force: forceFlag,
  };
  static override resultSchema = resultSchema;

  protected override readonly interruptHint = JOB_GOES_ON;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(JobEvaluate);
    const { submitEvaluation } = await import('../../runtime/deployment/admin/evaluate-job.ts');
    const { watchJob } = await import('../../runtime/deployment/admin/watch-job.ts');
    const { downloadJob } = await import('../../runtime/deployment/admin/download-job.ts');
    const { judgeByTold } = await import('../../runtime/evaluation/federated/evaluate-federated.ts');
    const { signal } = this;
    const { onTrouble } = createJobView((text) => this.note(text));
    return this.withAdmin(async (admin) => {
      const { jobId } = await submitEvaluation(admin, args.job, {
        which: flags.model,
        validDays: flags['valid-days'],
        signal,
        onOriginal: (original) => {
          this.note(originalLine(original));
          const { submitter, owner, org } = original;
          return submitter === owner ? undefined : confirm(signQuestion(submitter, org), flags);
        },
      });
      this.note(`The sites judge it in the job ${jobId}.`);
      const wait = { timeout: undefined, signal, onNews: () => undefined, onTrouble };
      const meta = await watchJob(admin, jobId, wait);
      if (meta.status !== 'FINISHED:COMPLETED')
        throw flError('NF_JOB_NOT_COMPLETED', { job: jobId, end: endText(meta) });
      const target = flags['output-dir'] ?? jobId;
      const { folder } = await downloadJob(admin, jobId, {
        target,
        force: flags.force,
        progress: this.progress(),
        signal,
      });
      return { job_id: jobId, ...(await judgeByTold(folder)) };
    });
  }

  protected override render(result: Result): string {
    return `${renderEvaluation(result)}\nNext: neuroflare report ${shellWord(result.folder.replace(/[/\\]evaluation$/, ''))}`;
  }
}
