import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { LOG_LEVELS } from '../../output/remote-args.ts';
import { RemoteCommand } from '../../remote-command.ts';

const resultSchema = z.object({ done: z.array(z.string()).describe('whom it reached'), level: z.string() });
type Result = z.output<typeof resultSchema>;

export default class SystemLogConfig extends RemoteCommand<Result> {
  static override summary = 'change how much the server or a client logs, until its next start';
  static override examples = [
    '<%= config.bin %> system log-config debug',
    '<%= config.bin %> system log-config warn --site site-1',
  ];
  static override args = {
    level: Args.string({
      required: true,
      options: [...LOG_LEVELS],
      description: 'least level that is logged',
    }),
  };
  static override flags = {
    site: Flags.string({ default: 'server', summary: 'server, all, or the name of a site' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(SystemLogConfig);
    const level = LOG_LEVELS.find((known) => known === args.level) ?? 'info';
    return this.withAdmin(async (admin) => ({ done: await admin.setLogLevel(level, [flags.site]), level }));
  }

  protected override render({ done, level }: Result): string {
    return `${done.join(', ')}: ${level} and above.`;
  }
}
