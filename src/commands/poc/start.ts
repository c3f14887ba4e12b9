import { Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { listOf, pocWorkspaceFlag } from '../../output/remote-args.ts';
import { ENGINE_CHOICES } from '../../runtime/job/engine-choice.ts';

const resultSchema = z.object({
  started: z.array(z.string()),
  port: z.int(),
  seconds: z.number().describe('until all answered'),
});
type Result = z.output<typeof resultSchema>;

export default class PocStart extends BaseCommand<Result> {
  static override summary = 'start the server and the clients of the federation on this machine';
  static override description =
    'They go on when the command has ended; each says what it does in a log of the workspace. What runs already is left alone.';
  static override examples = [
    '<%= config.bin %> poc start',
    '<%= config.bin %> poc start --data ./site-data',
    '<%= config.bin %> poc start --service site-2',
  ];
  static override flags = {
    workspace: pocWorkspaceFlag,
    service: Flags.string({ char: 'p', summary: 'these alone, separated by commas; default: all' }),
    exclude: Flags.string({ aliases: ['ex'], summary: 'all but these' }),
    data: Flags.string({ summary: 'folder with one BIDS folder a site, by name; or one for all sites' }),
    gpu: Flags.string({ summary: 'GPU of the clients, e.g. 0' }),
    engine: Flags.option({ options: ENGINE_CHOICES, summary: 'what computes at the clients' })(),
    wait: Flags.boolean({ default: true, allowNo: true, summary: 'wait until all answer' }),
    timeout: Flags.integer({ min: 1, default: 30, summary: 'seconds to wait for them' }),
  };
  static override resultSchema = resultSchema;

  protected override readonly interruptHint =
    "What was started goes on: 'neuroflare poc stop' ends it, 'neuroflare poc start' waits for it again.";

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(PocStart);
    const { pocFolder } = await import('../../runtime/deployment/poc/poc-folder.ts');
    const { startPoc } = await import('../../runtime/deployment/poc/start.ts');
    const { started, port, seconds } = await startPoc(pocFolder(flags.workspace), {
      services: listOf(flags.service),
      exclude: listOf(flags.exclude),
      data: flags.data,
      gpu: flags.gpu,
      engine: flags.engine,
      wait: flags.wait,
      timeout: flags.timeout,
      signal: this.signal,
      tell: (line) => this.note(line),
    });
    return { started: [...started], port, seconds };
  }

  protected override render({ started, port, seconds }: Result): string {
    if (started.length === 0)
      return 'All of them run already; flags have no effect on them: `neuroflare poc stop` first.';
    return `${started.join(', ')} ready on port ${port} after ${seconds.toFixed(1)} s.\nNext: neuroflare job submit JOB, and neuroflare dashboard to watch it`;
  }
}
