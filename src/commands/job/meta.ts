import { renderJob } from '../../output/job-text.ts';
import { jobArg } from '../../output/remote-args.ts';
import { JobCommand } from '../../remote-command.ts';
import { type JobMeta, jobMeta } from '../../runtime/network/messages/admin.ts';

export default class JobMetaCommand extends JobCommand<JobMeta> {
  static override summary = 'show all of a job: status, sites, what it waits for, what went wrong';
  static override examples = ['<%= config.bin %> job meta 3f2a91c0'];
  static override args = { job: jobArg };
  static override resultSchema = jobMeta;

  protected override async execute(): Promise<JobMeta> {
    const { args } = await this.parse(JobMetaCommand);
    return this.withAdmin((admin) => admin.job(args.job));
  }

  protected override render(job: JobMeta): string {
    return renderJob(job);
  }
}
