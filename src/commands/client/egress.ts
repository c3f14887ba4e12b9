import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { renderEgress, renderEgressPlan } from '../../output/egress-text.ts';
import { egressPlanSchema } from '../../runtime/deployment/client/ledger/egress-plan.ts';
import { egressSchema } from '../../runtime/deployment/client/ledger/egress-report.ts';

const resultSchema = z.union([egressSchema, egressPlanSchema]);
type Result = z.output<typeof resultSchema>;

export default class ClientEgress extends BaseCommand<Result> {
  static override summary = 'show what has left this site, or what would leave with a job';
  static override description =
    'The ledger lists every request body, by job and reason; `audit verify` checks it. --plan reads a job (a folder, or the id of one ' +
    'that was offered) without running it.';
  static override examples = [
    '<%= config.bin %> client egress kits/example_project/prod_00/site-1',
    '<%= config.bin %> client egress kits/example_project/prod_00/site-1 --plan jobs/glioma',
  ];
  static override args = { kit: Args.string({ required: true, description: "folder of the site's kit" }) };
  static override flags = {
    job: Flags.string({
      summary: 'what left with one job: its id, or the beginning of it',
      exclusive: ['plan'],
    }),
    plan: Flags.string({ summary: 'what would leave with this job' }),
    work: Flags.string({ summary: 'work folder of the client; default: work in the kit' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ClientEgress);
    const { folderOf } = await import('../../runtime/deployment/client/site-desk.ts');
    const folder = folderOf({ kitDir: args.kit, workDir: flags.work });
    if (flags.plan === undefined) {
      const { reportEgress } = await import('../../runtime/deployment/client/ledger/egress-report.ts');
      return reportEgress(folder, { job: flags.job });
    }
    const { planEgress } = await import('../../runtime/deployment/client/ledger/egress-plan.ts');
    const { readSitePolicy } = await import('../../runtime/security/kit/local-files.ts');
    return planEgress(flags.plan, { folder, policy: await readSitePolicy(args.kit) });
  }

  protected override render(result: Result): string {
    return 'parts' in result ? renderEgressPlan(result) : renderEgress(result);
  }
}
