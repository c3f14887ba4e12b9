import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { confirm } from '../../output/confirm.ts';
import { forceFlag, pocWorkspaceFlag } from '../../output/remote-args.ts';

const resultSchema = z.object({
  removed: z.string(),
  active: z.string().nullable().describe('kit that commands use now'),
});
type Result = z.output<typeof resultSchema>;

export default class PocClean extends BaseCommand<Result> {
  static override summary = 'stop the federation on this machine and remove it, with its jobs and results';
  static override examples = ['<%= config.bin %> poc clean --force'];
  static override flags = { workspace: pocWorkspaceFlag, force: forceFlag };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(PocClean);
    const { pocFolder } = await import('../../runtime/deployment/poc/poc-folder.ts');
    const { cleanPoc } = await import('../../runtime/deployment/poc/stop.ts');
    const folder = pocFolder(flags.workspace);
    await confirm(`Remove ${folder.root} with all jobs and results?`, flags);
    const { removed, active } = await cleanPoc(folder);
    return { removed, active: active ?? null };
  }

  protected override render({ removed, active }: Result): string {
    return `Removed ${removed}.${active === null ? '' : ` Commands use ${active} again.`}`;
  }
}
