import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import { renderPrivacyLedger } from '../../output/privacy-ledger-text.ts';
import {
  type PrivacyLedgerReport,
  privacyLedgerSchema,
} from '../../runtime/deployment/client/budget/ledger-report.ts';

export default class PrivacyLedgerCommand extends BaseCommand<PrivacyLedgerReport> {
  static override summary = 'what the people at this site have lost to private jobs, and what is left';
  static override description =
    'Reads the ledger in the kit (local/privacy.jsonl) and the budget of local/site-policy.yml. Needs no server, and changes nothing: no command lowers what is spent.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> kits/example_project/prod_00/site-1',
    '<%= config.bin %> <%= command.id %> kits/example_project/prod_00/site-1 --format json',
  ];
  static override args = { kit: Args.string({ required: true, description: "folder of the site's kit" }) };
  static override flags = {
    job: Flags.string({ summary: 'of one job: its id, or the beginning of it' }),
    work: Flags.string({ summary: 'work folder of the client; default: work in the kit' }),
  };
  static override resultSchema = privacyLedgerSchema;

  protected override async execute(): Promise<PrivacyLedgerReport> {
    const { args, flags } = await this.parse(PrivacyLedgerCommand);
    const { folderOf } = await import('../../runtime/deployment/client/site-desk.ts');
    const { reportLedger } = await import('../../runtime/deployment/client/budget/ledger-report.ts');
    const folder = folderOf({ kitDir: args.kit, workDir: flags.work });
    return reportLedger({ kitDir: args.kit, folder }, { job: flags.job });
  }

  protected override render(report: PrivacyLedgerReport): string {
    return renderPrivacyLedger(report);
  }
}
