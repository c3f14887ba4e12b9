import { Args } from '@oclif/core';
import { z } from 'zod';
import { confirm } from '../../output/confirm.ts';
import { forceFlag } from '../../output/remote-args.ts';
import { RemoteCommand } from '../../remote-command.ts';

const resultSchema = z.object({ site: z.string(), enabled: z.boolean() });
type Result = z.output<typeof resultSchema>;

export default class SystemDisableClient extends RemoteCommand<Result> {
  static override summary = 'keep a site out until it is enabled again, over restarts, too';
  static override examples = ['<%= config.bin %> system disable-client site-1 --force'];
  static override args = { site: Args.string({ required: true, description: 'name of the site' }) };
  static override flags = { force: forceFlag };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(SystemDisableClient);
    await confirm(`Keep ${args.site} out?`, flags);
    return this.withAdmin(async (admin) => {
      await admin.enableClient(args.site, false);
      return { site: args.site, enabled: false };
    });
  }

  protected override render({ site }: Result): string {
    return `${site} is disabled.`;
  }
}
