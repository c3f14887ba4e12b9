import { Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { pocCommand } from '../../output/poc-command.ts';
import { listOf, pocWorkspaceFlag } from '../../output/remote-args.ts';
import { renderTable } from '../../output/table.ts';

const resultSchema = z.object({
  workspace: z.string(),
  port: z.int(),
  participants: z.array(z.object({ name: z.string(), kit: z.string() })),
  admin: z.string().nullable().describe('id under `config` that commands use now'),
  active_before: z.string().nullable().describe('what they used before; `poc clean` gives it back'),
});
type Result = z.output<typeof resultSchema>;

export default class PocPrepare extends BaseCommand<Result> {
  static override summary =
    'make a federation on this machine: a server, clients and an admin with real certificates';
  static override examples = [
    '<%= config.bin %> poc prepare -n 3',
    '<%= config.bin %> poc prepare --clients a,b',
  ];
  static override flags = {
    workspace: pocWorkspaceFlag,
    'n-clients': Flags.integer({
      char: 'n',
      min: 1,
      max: 1000,
      default: 2,
      aliases: ['number-of-clients'],
      summary: 'number of clients',
    }),
    clients: Flags.string({ char: 'c', summary: 'names of the clients, separated by commas' }),
    'project-input': Flags.string({ char: 'i', summary: 'a project.yml whose participants are taken' }),
    force: Flags.boolean({ summary: 'replace what is there' }),
  };
  static override resultSchema = resultSchema;

  /** It must find this federation. */
  #next = '';

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(PocPrepare);
    this.#next = pocCommand(['start'], flags.workspace);
    const { pocFolder } = await import('../../runtime/deployment/poc/poc-folder.ts');
    const { preparePoc } = await import('../../runtime/deployment/poc/prepare.ts');
    const poc = await preparePoc(pocFolder(flags.workspace), {
      clients: flags['n-clients'],
      names: flags.clients === undefined ? undefined : listOf(flags.clients),
      projectFile: flags['project-input'],
      force: flags.force,
    });
    return {
      ...poc,
      participants: [...poc.participants],
      admin: poc.admin ?? null,
      active_before: poc.activeBefore ?? null,
    };
  }

  protected override render({ workspace, port, participants, admin }: Result): string {
    const rows = participants.map(({ name, kit }) => [name, kit]);
    return [
      renderTable(['participant', 'kit'], rows),
      `A federation in ${workspace}, port ${port}.${admin === null ? '' : ` Commands use ${admin} now.`}`,
      `Next: ${this.#next}`,
    ].join('\n');
  }
}
