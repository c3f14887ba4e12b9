import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../../command.ts';
import { confirm } from '../../../output/confirm.ts';

const resultSchema = z.object({ site: z.string(), key_sha256: z.string(), is_new: z.boolean() });
type Result = z.output<typeof resultSchema>;

export default class ClientPeersApprove extends BaseCommand<Result> {
  static override summary = 'let a key stand for another site in sums in secret';
  static override description =
    'Certificates come from the authority of the project, which could make a second one for any site. So compare the digest with the one ' +
    'that the other site shows (`client peers list` there), by a way that does not lead through the server. The key takes the place of ' +
    'the one that was known before.';
  static override examples = [
    '<%= config.bin %> client peers approve kits/example_project/prod_00/site-1 site-2',
  ];
  static override args = {
    kit: Args.string({ required: true, description: "folder of the site's kit" }),
    site: Args.string({ required: true, description: 'name of the other site' }),
  };
  static override flags = {
    key: Flags.string({ summary: 'digest of its key, all 64 digits; default: the one that waits' }),
    yes: Flags.boolean({ char: 'y', summary: 'do not ask' }),
    work: Flags.string({ summary: 'work folder of the client; default: work in the kit' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ClientPeersApprove);
    const { letIn, peerToApprove } = await import('../../../runtime/deployment/client/peers-desk.ts');
    const place = { kitDir: args.kit, workDir: flags.work };
    const { site } = args;
    const key = await peerToApprove(place, { site, key: flags.key });
    await confirm(`Let the key ${key} stand for ${site} here?`, {
      force: flags.yes,
      flag: '--yes',
      about: [],
    });
    return { site, key_sha256: key, is_new: await letIn(place, site, key) };
  }

  protected override render({ site, key_sha256: key, is_new: isNew }: Result): string {
    return isNew ? `${key} stands for ${site} here.` : `${key} stood for ${site} before.`;
  }
}
