import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { timeText } from '../../runtime/base/text/time-text.ts';

const resultSchema = z.object({
  folder: z.string(),
  files: z.int(),
  created: z.string().describe('of the backup'),
});
type Result = z.output<typeof resultSchema>;

export default class ServerRestore extends BaseCommand<Result> {
  static override summary = 'put a backup where the server looks for its state';
  static override description =
    'Every file is compared with the list of the backup first. A state folder that is there is not touched: move it away before.';
  static override examples = [
    '<%= config.bin %> server restore backups/monday kits/example_project/prod_00/server.example.org',
  ];
  static override args = {
    backup: Args.string({ required: true, description: 'folder that `server backup` made' }),
    kit: Args.string({ required: true, description: "folder of the server's kit" }),
  };
  static override flags = {
    state: Flags.string({ summary: 'state folder of the server; default: state in the kit' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ServerRestore);
    const { join } = await import('node:path');
    const { requireKitOf } = await import('../../runtime/security/kit/open.ts');
    const { restoreServer } = await import('../../runtime/deployment/server/backup/restore.ts');
    await requireKitOf(args.kit, 'server');
    return restoreServer(args.backup, flags.state ?? join(args.kit, 'state'));
  }

  protected override render({ folder, files, created }: Result): string {
    return `${counted(files, 'file')} of the backup of ${timeText(created)} in ${folder}`;
  }
}
