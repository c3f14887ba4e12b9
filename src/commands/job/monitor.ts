import { Flags } from '@oclif/core';
import { jobEnvelope } from '../../output/envelope.ts';
import { renderJob } from '../../output/job-text.ts';
import { createJobView, endText } from '../../output/job-view.ts';
import { intervalFlag, JOB_GOES_ON, jobArg } from '../../output/remote-args.ts';
import { writeJson } from '../../output/terminal.ts';
import { JobCommand } from '../../remote-command.ts';
import type { JobNews } from '../../runtime/deployment/admin/admin.ts';
import { type JobMeta, jobMeta } from '../../runtime/network/messages/admin.ts';

export default class JobMonitor extends JobCommand<JobMeta> {
  static override summary = 'watch a job to its end: rounds, figures, and whom it waits for';
  static override description =
    'With --format jsonl every event is a line of JSON on stdout, the last one with "terminal": true. Goes on over a restart of the ' +
    'server. Ends with 0 if the job was completed, 1 if not, 3 if it is not over in time.';
  static override examples = [
    '<%= config.bin %> job monitor 3f2a91c0',
    '<%= config.bin %> job monitor 3f2a91c0 --format jsonl',
  ];
  static override args = { job: jobArg };
  static override flags = {
    interval: intervalFlag,
    timeout: Flags.integer({ min: 0, default: 0, summary: 'seconds; 0 watches as long as it takes' }),
  };
  static override resultSchema = jobMeta;

  protected override readonly interruptHint = JOB_GOES_ON;

  protected override async execute(): Promise<JobMeta> {
    const { args, flags } = await this.parse(JobMonitor);
    const { watchJob } = await import('../../runtime/deployment/admin/watch-job.ts');
    const view = createJobView((text) => this.note(text));
    const onNews = (events: JobNews['events'], meta: JobMeta) => {
      if (this.outputFormat === 'jsonl') for (const event of events) writeJson({ ...event, terminal: false });
      else view.onNews(events, meta);
    };
    return this.withAdmin((admin) =>
      watchJob(admin, args.job, {
        timeout: flags.timeout === 0 ? undefined : flags.timeout,
        signal: this.signal,
        onNews,
        onTrouble: view.onTrouble,
      }),
    );
  }

  protected override exitCodeOf({ status }: JobMeta): 0 | 1 {
    return status === 'FINISHED:COMPLETED' ? 0 : 1;
  }

  /** A job that failed is shown whole: the first failure of any site is in it. */
  protected override render(job: JobMeta): string {
    const isDone = job.status === 'FINISHED:COMPLETED' || job.status === 'FINISHED:ABORTED';
    return isDone ? endText(job) : `${renderJob(job)}\n\n${endText(job)}`;
  }

  protected override envelope(job: JobMeta, exitCode: number): string {
    const envelope = jobEnvelope(job, exitCode);
    return this.outputFormat === 'jsonl' ? envelope.replace('{', '{"terminal":true,') : envelope;
  }
}
