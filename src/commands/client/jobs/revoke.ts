import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../../command.ts';
import { confirm } from '../../../output/confirm.ts';

const resultSchema = z.object({
  code_sha256: z.string(),
  by_policy: z.boolean().describe('local/site-policy.yml lets the code run all the same'),
});
type Result = z.output<typeof resultSchema>;

export default class ClientJobsRevoke extends BaseCommand<Result> {
  static override summary = 'take the approval of code back: it does not run at this site any more';
  static override description =
    'Jobs that run with the code end at this site within a second; the server is told why, and counts the site by the rule of the round.';
  static override examples = [
    '<%= config.bin %> client jobs revoke kits/example_project/prod_00/site-1 3f2a91c04d5e6f70',
  ];
  static override args = {
    kit: Args.string({ required: true, description: "folder of the site's kit" }),
    code: Args.string({
      required: true,
      description: 'digest of the code, whole or its first 16 digits at least',
    }),
  };
  static override flags = {
    yes: Flags.boolean({ char: 'y', summary: 'do not ask' }),
    work: Flags.string({ summary: 'work folder of the client; default: work in the kit' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ClientJobsRevoke);
    const { approvedCode, withdraw } = await import('../../../runtime/deployment/client/site-desk.ts');
    const place = { kitDir: args.kit, workDir: flags.work };
    const code = await approvedCode(place, args.code);
    await confirm(`Let the code ${code} run here no more?`, { force: flags.yes, flag: '--yes' });
    return { code_sha256: code, by_policy: await withdraw(place, code) };
  }

  protected override render({ code_sha256: code, by_policy: byPolicy }: Result): string {
    return byPolicy
      ? `The approval of ${code} is taken back, but local/site-policy.yml of the kit lets the code run all the same: change it there.`
      : `The code ${code} may not run here any more.`;
  }
}
