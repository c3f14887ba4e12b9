import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../../command.ts';
import { renderTable } from '../../../output/table.ts';
import { timeText } from '../../../runtime/base/text/time-text.ts';

const resultSchema = z.object({
  own: z.string().describe('SHA-256 of the key of this site, for the others'),
  peers: z.array(
    z.object({
      site: z.string(),
      key_sha256: z.string().describe('of its public key'),
      state: z.enum(['approved', 'first use', 'waiting']),
      by: z.string().nullable().describe('who has approved it'),
      time: z.string(),
    }),
  ),
});
type Result = z.output<typeof resultSchema>;

export default class ClientPeersList extends BaseCommand<Result> {
  static override summary = 'list the keys of the other sites, and that of this one';
  static override description =
    'With secure_aggregation a site sums up its updates with those of sites whose keys it knows. first use: taken when the site was ' +
    'seen first; approved: by somebody here; waiting: not taken until it is approved.';
  static override examples = ['<%= config.bin %> client peers list kits/example_project/prod_00/site-1'];
  static override args = { kit: Args.string({ required: true, description: "folder of the site's kit" }) };
  static override flags = {
    work: Flags.string({ summary: 'work folder of the client; default: work in the kit' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ClientPeersList);
    const { peersHere } = await import('../../../runtime/deployment/client/peers-desk.ts');
    const { own, peers } = await peersHere({ kitDir: args.kit, workDir: flags.work });
    return { own, peers: [...peers] };
  }

  protected override render({ own, peers }: Result): string {
    const rows = peers.map(({ site, key_sha256: key, state, by, time }) => [
      site,
      key,
      by === null ? state : `${state} by ${by}`,
      timeText(time),
    ]);
    const table =
      rows.length === 0 ? 'No other site was seen yet.' : renderTable(['site', 'key', '', 'since'], rows);
    return `This site: ${own}\n\n${table}`;
  }
}
