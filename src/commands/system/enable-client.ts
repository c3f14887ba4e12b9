import { Args } from '@oclif/core';
import { z } from 'zod';
import { RemoteCommand } from '../../remote-command.ts';

const resultSchema = z.object({ site: z.string(), enabled: z.boolean() });
type Result = z.output<typeof resultSchema>;

export default class SystemEnableClient extends RemoteCommand<Result> {
  static override summary = 'let a site in again';
  static override examples = ['<%= config.bin %> system enable-client site-1'];
  static override args = { site: Args.string({ required: true, description: 'name of the site' }) };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args } = await this.parse(SystemEnableClient);
    return this.withAdmin(async (admin) => {
      await admin.enableClient(args.site, true);
      return { site: args.site, enabled: true };
    });
  }

  protected override render({ site }: Result): string {
    return `${site} is enabled.`;
  }
}
