import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { pocWorkspaceFlag } from '../../output/remote-args.ts';
import { shellWord } from '../../runtime/base/text/shell-word.ts';

const resultSchema = z.object({ name: z.string(), kit: z.string(), id: z.string() });
type Result = z.output<typeof resultSchema>;

export default class PocAddUser extends BaseCommand<Result> {
  static override summary = 'add an admin to the federation on this machine';
  static override examples = ['<%= config.bin %> poc add-user lead bob@example.org'];
  static override args = {
    role: Args.string({
      required: true,
      options: ['project_admin', 'org_admin', 'lead', 'member'],
      description: 'what the admin may do',
    }),
    email: Args.string({ required: true, description: 'e-mail address' }),
  };
  static override flags = {
    workspace: pocWorkspaceFlag,
    org: Flags.string({ default: 'poc', summary: 'organisation' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(PocAddUser);
    const { pocFolder } = await import('../../runtime/deployment/poc/poc-folder.ts');
    const { addToPoc } = await import('../../runtime/deployment/poc/prepare.ts');
    const { name, kit, id } = await addToPoc(pocFolder(flags.workspace), {
      name: args.email,
      type: 'admin',
      org: flags.org,
      role: args.role,
    });
    return { name, kit, id: id ?? '' };
  }

  protected override render({ name, id }: Result): string {
    return `Added ${name}. To act as this admin: neuroflare config use ${shellWord(id)}, or --kit ${shellWord(id)}`;
  }
}
