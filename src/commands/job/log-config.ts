import { Args } from '@oclif/core';
import { z } from 'zod';
import { jobArg, LOG_LEVELS } from '../../output/remote-args.ts';
import { JobCommand } from '../../remote-command.ts';

const resultSchema = z.object({ job: z.string(), level: z.string() });
type Result = z.output<typeof resultSchema>;

export default class JobLogConfig extends JobCommand<Result> {
  static override summary = 'change how much the sites log of a running job';
  static override examples = ['<%= config.bin %> job log-config 3f2a91c0 debug'];
  static override args = {
    job: jobArg,
    level: Args.string({
      required: true,
      options: [...LOG_LEVELS],
      description: 'least level that is logged',
    }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args } = await this.parse(JobLogConfig);
    const level = LOG_LEVELS.find((known) => known === args.level) ?? 'info';
    return this.withAdmin(async (admin) => {
      await admin.setJobLogLevel(args.job, level);
      return { job: args.job, level };
    });
  }

  protected override render({ job, level }: Result): string {
    return `The sites log ${level} and above of ${job}.`;
  }
}
