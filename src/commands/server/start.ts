import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { addressText } from '../../runtime/base/text/address-text.ts';

const resultSchema = z.object({ stopped: z.boolean() });
type Result = z.output<typeof resultSchema>;

export default class ServerStart extends BaseCommand<Result> {
  static override summary = 'run the server of a federation';
  static override description =
    'Takes the folder of the server’s startup kit. Jobs and their results are kept in the kit’s state folder; a server that was killed ' +
    'goes on where it was. Ends on Ctrl-C and SIGTERM: jobs wait for the next start.';
  static override examples = [
    '<%= config.bin %> server start kits/example_project/prod_00/server.example.org',
    '<%= config.bin %> server start kits/example_project/prod_00/server.example.org --port 8443',
  ];
  static override args = { kit: Args.string({ required: true, description: "folder of the server's kit" }) };
  static override flags = {
    state: Flags.string({ summary: 'folder of jobs and results; default: state in the kit' }),
    host: Flags.string({ summary: "address to listen on, in place of the kit's" }),
    'accept-loss': Flags.boolean({
      summary: 'go on with a database that has lost facts; what is left of it is copied to lost+found first',
    }),
    port: Flags.integer({ min: 0, max: 65_535, summary: "port to listen on, in place of the kit's" }),
  };
  static override resultSchema = resultSchema;

  protected override readonly interruptHint = 'Start the server again: its jobs go on where they were.';

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(ServerStart);
    const { serve } = await import('../../runtime/deployment/server/serve.ts');
    const { serverNotes } = await import('../../runtime/deployment/server/start-notes.ts');
    let acceptLoss = flags['accept-loss'];
    const options = { kitDir: args.kit, stateDir: flags.state, host: flags.host, port: flags.port };
    const run = () =>
      serve({
        ...options,
        acceptLoss,
        tell: (line) => this.noteWithTime(line),
        signal: this.signal,
        onReady: ({ host, port, state }) => {
          acceptLoss = false;
          this.noteWithTime(`The server listens on ${addressText(host)}:${port}; its jobs are in ${state}.`);
        },
      });
    for (const line of await serverNotes(args.kit)) this.noteWithTime(line);
    while ((await run()) === 'restart') this.noteWithTime('The server starts again.');
    return { stopped: true };
  }

  protected override render(): string {
    return 'The server has stopped.';
  }
}
