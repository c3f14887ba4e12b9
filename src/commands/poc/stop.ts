import { Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { listOf, pocWorkspaceFlag } from '../../output/remote-args.ts';

const resultSchema = z.object({ stopped: z.array(z.string()) });
type Result = z.output<typeof resultSchema>;

export default class PocStop extends BaseCommand<Result> {
  static override summary = 'stop the federation on this machine, with everything it started';
  static override examples = ['<%= config.bin %> poc stop', '<%= config.bin %> poc stop --service site-2'];
  static override flags = {
    workspace: pocWorkspaceFlag,
    service: Flags.string({ char: 'p', summary: 'these alone, separated by commas; default: all' }),
    exclude: Flags.string({ aliases: ['ex'], summary: 'all but these' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(PocStop);
    const { pocFolder } = await import('../../runtime/deployment/poc/poc-folder.ts');
    const { stopPoc } = await import('../../runtime/deployment/poc/stop.ts');
    const options = { services: listOf(flags.service), exclude: listOf(flags.exclude) };
    return { stopped: await stopPoc(pocFolder(flags.workspace), options) };
  }

  protected override render({ stopped }: Result): string {
    return stopped.length === 0 ? 'Nothing was running.' : `Stopped ${stopped.join(', ')}.`;
  }
}
