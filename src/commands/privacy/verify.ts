import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import { renderPrivacyFindings } from '../../output/privacy-ledger-text.ts';
import {
  type PrivacyFindings,
  privacyFindingsSchema,
} from '../../runtime/deployment/client/budget/ledger-report.ts';

export default class PrivacyVerify extends BaseCommand<PrivacyFindings> {
  static override summary = 'check the privacy ledger of this site, and that all that left was charged once';
  static override description =
    'Every entry holds the hash of the one before it, the end is signed by the key of the kit, and the work folder knows where it was last. Each update of a private job in the egress ledger has one charge. Needs no server. Ends with 1 if something was found.';
  static override examples = ['<%= config.bin %> <%= command.id %> kits/example_project/prod_00/site-1'];
  static override args = { kit: Args.string({ required: true, description: "folder of the site's kit" }) };
  static override flags = {
    work: Flags.string({ summary: 'work folder of the client; default: work in the kit' }),
  };
  static override resultSchema = privacyFindingsSchema;

  protected override async execute(): Promise<PrivacyFindings> {
    const { args, flags } = await this.parse(PrivacyVerify);
    const { folderOf } = await import('../../runtime/deployment/client/site-desk.ts');
    const { verifyPrivacy } = await import('../../runtime/deployment/client/budget/ledger-report.ts');
    return verifyPrivacy({ kitDir: args.kit, folder: folderOf({ kitDir: args.kit, workDir: flags.work }) });
  }

  protected override exitCodeOf({ findings }: PrivacyFindings): 0 | 1 {
    return findings.length > 0 ? 1 : 0;
  }

  protected override render(report: PrivacyFindings): string {
    return renderPrivacyFindings(report);
  }
}
