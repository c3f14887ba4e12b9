import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { counted } from '../../runtime/base/text/counted.ts';

const resultSchema = z.object({
  folder: z.string(),
  jobs: z.int(),
  files: z.int(),
  size: z.int().describe('bytes'),
});
type Result = z.output<typeof resultSchema>;

export default class ServerBackup extends BaseCommand<Result> {
  static override summary = "copy a server's state while it runs, so that it could go on from there";
  static override examples = [
    '<%= config.bin %> server backup kits/example_project/prod_00/server.example.org backups/monday',
  ];
  static override args = {
    kit: Args.string({ required: true, description: "folder of the server's kit" }),
    folder: Args.string({ required: true, description: 'folder to make' }),
  };
  static override flags = {
    state: Flags.string({ summary: 'state folder of the server; default: state in the kit' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ServerBackup);
    const { join } = await import('node:path');
    const { requireKitOf } = await import('../../runtime/security/kit/open.ts');
    const { backupServer } = await import('../../runtime/deployment/server/backup/backup.ts');
    await requireKitOf(args.kit, 'server');
    return backupServer(flags.state ?? join(args.kit, 'state'), args.folder);
  }

  protected override render({ folder, jobs, files, size }: Result): string {
    return `${counted(jobs, 'job')}, ${counted(files, 'file')}, ${(size / 1e6).toFixed(1)} MB in ${folder}`;
  }
}
