import { z } from 'zod';
import { confirm } from '../../output/confirm.ts';
import { forceFlag, jobArg } from '../../output/remote-args.ts';
import { RemoteCommand } from '../../remote-command.ts';

const resultSchema = z.object({ job_id: z.string() });
type Result = z.output<typeof resultSchema>;

export default class JobDelete extends RemoteCommand<Result> {
  static override summary = 'remove a finished job and its results from the server';
  static override examples = ['<%= config.bin %> job delete 3f2a91c0 --force'];
  static override args = { job: jobArg };
  static override flags = { force: forceFlag };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(JobDelete);
    await confirm(`Remove the job ${args.job} and all its results?`, flags);
    return this.withAdmin(async (admin) => {
      const { job_id: id } = await admin.job(args.job);
      await admin.delete(id);
      return { job_id: id };
    });
  }

  protected override render({ job_id: id }: Result): string {
    return `Removed ${id}.`;
  }
}
