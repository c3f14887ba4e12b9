import { Flags } from '@oclif/core';
import { jobEnvelope } from '../../output/envelope.ts';
import { errorLines } from '../../output/job-text.ts';
import { createJobView, endText } from '../../output/job-view.ts';
import { intervalFlag, JOB_GOES_ON, jobArg } from '../../output/remote-args.ts';
import { JobCommand } from '../../remote-command.ts';
import { type JobMeta, jobMeta } from '../../runtime/network/messages/admin.ts';

export default class JobWait extends JobCommand<JobMeta> {
  static override summary = 'wait until a job is over, and say how it ended';
  static override description = 'Ends with 0 if it was completed, 1 if not, 3 if it is not over in time.';
  static override examples = ['<%= config.bin %> job wait 3f2a91c0 --timeout 3600'];
  static override args = { job: jobArg };
  static override flags = {
    interval: intervalFlag,
    timeout: Flags.integer({ min: 0, default: 0, summary: 'seconds; 0 waits as long as it takes' }),
  };
  static override resultSchema = jobMeta;

  protected override readonly interruptHint = JOB_GOES_ON;

  protected override async execute(): Promise<JobMeta> {
    const { args, flags } = await this.parse(JobWait);
    const { watchJob } = await import('../../runtime/deployment/admin/watch-job.ts');
    const { onTrouble } = createJobView((text) => this.note(text));
    return this.withAdmin((admin) =>
      watchJob(admin, args.job, {
        timeout: flags.timeout === 0 ? undefined : flags.timeout,
        signal: this.signal,
        onNews: () => undefined,
        onTrouble,
      }),
    );
  }

  protected override exitCodeOf({ status }: JobMeta): 0 | 1 {
    return status === 'FINISHED:COMPLETED' ? 0 : 1;
  }

  protected override envelope(job: JobMeta, exitCode: number): string {
    return jobEnvelope(job, exitCode);
  }

  protected override render(job: JobMeta): string {
    return [endText(job), ...errorLines(job)].join('\n');
  }
}
