import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { PROXY_SUMMARY } from '../../output/flags.ts';
import { letBuffersPass } from '../../runtime/base/threads/let-buffers-pass.ts';
import { ENGINE_CHOICES } from '../../runtime/job/engine-choice.ts';

const resultSchema = z.object({ stopped: z.boolean() });
type Result = z.output<typeof resultSchema>;

export default class ClientStart extends BaseCommand<Result> {
  static override summary = 'run the client of a site';
  static override description =
    'Takes the folder of the site’s startup kit and its data. Connects to the server, never the other way round; comes back by itself ' +
    'when the line or the server was gone. What jobs may do here is in local/site-policy.yml of the kit.';
  static override examples = [
    '<%= config.bin %> client start kits/example_project/prod_00/site-1 --data ./site-data/site-1',
    '<%= config.bin %> client start kits/example_project/prod_00/site-1 --data ./bids --proxy http://proxy:3128',
  ];
  static override args = { kit: Args.string({ required: true, description: "folder of the site's kit" }) };
  static override flags = {
    data: Flags.string({ summary: 'BIDS folder of this site' }),
    work: Flags.string({ summary: 'folder of jobs at hand, ledger and logs; default: work in the kit' }),
    proxy: Flags.string({ summary: PROXY_SUMMARY }),
    engine: Flags.option({ options: ENGINE_CHOICES, default: 'auto', summary: 'what computes' })(),
    gpu: Flags.string({ summary: 'GPU to use, e.g. 0' }),
    'require-gpu': Flags.boolean({ summary: 'stop if no GPU can be used' }),
  };
  static override resultSchema = resultSchema;

  protected override readonly interruptHint = 'Start the client again: it goes on where it was.';

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ClientStart);
    const { runClient } = await import('../../runtime/deployment/client/run-client.ts');
    letBuffersPass();
    const run = () =>
      runClient({
        kitDir: args.kit,
        workDir: flags.work,
        data: flags.data,
        proxy: flags.proxy,
        engine: { choice: flags.engine, gpu: flags.gpu, requireGpu: flags['require-gpu'] },
        tell: (line) => this.noteWithTime(line),
        signal: this.signal,
      });
    while ((await run()) === 'restart') this.noteWithTime('The client starts again.');
    return { stopped: true };
  }

  protected override render(): string {
    return 'The client has stopped.';
  }
}
