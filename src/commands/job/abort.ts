import { confirm } from '../../output/confirm.ts';
import { forceFlag, jobArg } from '../../output/remote-args.ts';
import { JobCommand } from '../../remote-command.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { type JobMeta, jobMeta } from '../../runtime/network/messages/admin.ts';

export default class JobAbort extends JobCommand<JobMeta> {
  static override summary = 'stop a job; its last model and its figures are kept';
  static override examples = ['<%= config.bin %> job abort 3f2a91c0 --force'];
  static override args = { job: jobArg };
  static override flags = { force: forceFlag };
  static override resultSchema = jobMeta;

  protected override async execute(): Promise<JobMeta> {
    const { args, flags } = await this.parse(JobAbort);
    await confirm(`Abort the job ${args.job}?`, flags);
    return this.withAdmin((admin) => admin.abort(args.job));
  }

  protected override render({ job_id: id, round, num_rounds: all }: JobMeta): string {
    return `Aborted ${id} after ${round} of ${counted(all, 'round')}.`;
  }
}
