import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { pocCommand } from '../../output/poc-command.ts';
import { pocWorkspaceFlag } from '../../output/remote-args.ts';

const resultSchema = z.object({ name: z.string(), kit: z.string() });
type Result = z.output<typeof resultSchema>;

export default class PocAddSite extends BaseCommand<Result> {
  static override summary = 'add a client to the federation on this machine';
  static override examples = ['<%= config.bin %> poc add-site site-3'];
  static override args = { name: Args.string({ required: true, description: 'name of the site' }) };
  static override flags = {
    workspace: pocWorkspaceFlag,
    org: Flags.string({ summary: 'organisation; default: the name' }),
  };
  static override resultSchema = resultSchema;

  /** It must find this federation. */
  #next = '';

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(PocAddSite);
    const { pocFolder } = await import('../../runtime/deployment/poc/poc-folder.ts');
    const { addToPoc } = await import('../../runtime/deployment/poc/prepare.ts');
    const { name, kit } = await addToPoc(pocFolder(flags.workspace), {
      name: args.name,
      type: 'client',
      ...(flags.org !== undefined && { org: flags.org }),
    });
    this.#next = pocCommand(['start', '--service', name], flags.workspace);
    return { name, kit };
  }

  protected override render({ name }: Result): string {
    return `Added ${name}. Next: ${this.#next}`;
  }
}
