import { Args } from '@oclif/core';
import { z } from 'zod';
import { confirm } from '../../output/confirm.ts';
import { targetsOf } from '../../output/named-sites.ts';
import { forceFlag } from '../../output/remote-args.ts';
import { RemoteCommand } from '../../remote-command.ts';

const resultSchema = z.object({ done: z.array(z.string()).describe('whom it reached') });
type Result = z.output<typeof resultSchema>;

export default class SystemRestart extends RemoteCommand<Result> {
  static override summary = 'end the server or clients in order and start them again';
  static override description = 'Jobs go on where they were when server and clients are there again.';
  static override examples = [
    '<%= config.bin %> system restart site-1 --force',
    '<%= config.bin %> system restart all --force',
  ];
  static override strict = false;
  static override args = {
    target: Args.string({ required: true, description: 'server, all, or names of sites' }),
  };
  static override flags = { force: forceFlag };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { argv, flags } = await this.parse(SystemRestart);
    const targets = argv.map(String);
    await confirm(`Restart ${targets.join(', ')}?`, flags);
    return this.withAdmin(async (admin) => ({
      done: await admin.stop('restart', await targetsOf(admin, targets)),
    }));
  }

  protected override render({ done }: Result): string {
    return `${done.join(', ')}: starts again.`;
  }
}
