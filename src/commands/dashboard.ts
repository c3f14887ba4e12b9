import { Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../command.ts';
import { PROXY_SUMMARY, pageFlags } from '../output/flags.ts';
import { openBrowser } from '../output/open-browser.ts';
import { writeAnswer } from '../output/terminal.ts';
import { DEFAULT_WORKSPACE } from '../runtime/run/run-index.ts';

const resultSchema = z.object({
  address: z
    .string()
    .describe('with the token: whoever on this machine has it sees and does what the kits may'),
});
type Result = z.output<typeof resultSchema>;

export default class Dashboard extends BaseCommand<Result> {
  static override summary = 'watch jobs, sites and approvals in the browser';
  static override description =
    'Shows simulations of a workspace, jobs of a server (asked with an admin kit), and at a site the code that waits for approval. Each flag may be given ' +
    'several times. Without flags: the simulations in ./work, and the server of the kit in use. The page is served to this machine alone, at an address ' +
    'with a random token; nothing is fetched from elsewhere. Ends on Ctrl-C.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --workspace work --kit admin@example.org',
    '<%= config.bin %> <%= command.id %> --site kits/example_project/prod_00/site-1 --no-open',
  ];
  static override flags = {
    workspace: Flags.string({
      char: 'w',
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      summary: 'folder of simulated runs',
    }),
    kit: Flags.string({
      aliases: ['kit-id', 'startup-kit'],
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      summary: 'id or folder of an admin kit, whose server is shown',
    }),
    site: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      summary: "folder of a site's kit, on the site's machine",
    }),
    work: Flags.string({
      summary: 'work folder of the client; default: work in the kit',
      dependsOn: ['site'],
    }),
    proxy: Flags.string({ summary: PROXY_SUMMARY }),
    ...pageFlags,
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(Dashboard);
    const { openSources } = await import('../runtime/dashboard/open-sources.ts');
    const { serveDashboard } = await import('../runtime/dashboard/serve-dashboard.ts');
    const { workspace: workspaces, kit: kits, site: sites, work, proxy, port } = flags;
    const wanted = { workspaces, kits, sites, work, proxy, usualWorkspace: DEFAULT_WORKSPACE };
    const sources = await openSources({ ...wanted, signal: this.signal });
    let result = { address: '' };
    let close: (() => void) | undefined;
    const onReady = (address: string) => {
      result = { address };
      // The answer is what people wait for, not how it ends.
      writeAnswer(this.outputFormat === 'txt' ? `Dashboard: ${address}` : super.envelope(result, 0));
      this.note('Ctrl-C ends the dashboard; jobs go on.');
      if (flags.open) close = openBrowser(address);
    };
    try {
      await serveDashboard({ sources, port, onReady, signal: this.signal });
    } finally {
      close?.();
      await Promise.all(sources.map((source) => source.close()));
    }
    return result;
  }

  protected override envelope(): string {
    return '';
  }

  protected override render(): string {
    return '';
  }
}
