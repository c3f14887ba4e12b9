import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../command.ts';
import { PROXY_SUMMARY } from '../output/flags.ts';
import { checkSchema } from '../runtime/deployment/preflight/check.ts';
import { ENGINE_CHOICES } from '../runtime/job/engine-choice.ts';

const resultSchema = z.object({ passed: z.boolean(), checks: z.array(checkSchema) });
type Result = z.output<typeof resultSchema>;

export default class PreflightCheck extends BaseCommand<Result> {
  static override summary = 'look at everything a server, client or admin needs before it is started';
  static override description =
    'Server: kit, settings, port and who holds it, state folder, database, disk. Client: kit, settings, the way to the server and what ' +
    'the server sees of it, clock, disk, data, engine. Admin: kit and the way to the server. Ends with 1 if something is wrong.';
  static override examples = [
    '<%= config.bin %> preflight-check kits/example_project/prod_00/server.example.org',
    '<%= config.bin %> preflight-check kits/example_project/prod_00/site-1 --data ./site-data/site-1',
  ];
  static override hiddenAliases = ['preflight', 'preflight_check'];
  static override args = { kit: Args.string({ description: 'folder of the kit' }) };
  static override flags = {
    'package-path': Flags.string({ char: 'p', summary: 'folder of the kit, as nvflare takes it' }),
    data: Flags.string({ summary: 'BIDS folder of the site' }),
    work: Flags.string({ summary: 'folder of the client for its jobs; default: work in the kit' }),
    proxy: Flags.string({ summary: PROXY_SUMMARY }),
    engine: Flags.option({ options: ENGINE_CHOICES, default: 'auto', summary: 'what shall compute' })(),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(PreflightCheck);
    const kitDir = args.kit ?? flags['package-path'];
    if (kitDir === undefined) {
      const { flError } = await import('../runtime/base/errors/errors.ts');
      throw flError('NF_USAGE', { message: 'Give the folder of a startup kit.' });
    }
    const { preflight } = await import('../runtime/deployment/preflight/preflight.ts');
    const checks = await preflight({
      kitDir,
      data: flags.data,
      work: flags.work,
      proxy: flags.proxy,
      engine: flags.engine,
    });
    return { passed: checks.every(({ ok }) => ok), checks };
  }

  protected override exitCodeOf({ passed }: Result): 0 | 1 {
    return passed ? 0 : 1;
  }

  protected override render({ checks, passed }: Result): string {
    const lines = checks.flatMap(({ check, ok, detail, hint }) => [
      `${!ok ? 'WRONG ' : hint === null ? 'ok    ' : 'WARN  '} ${check.padEnd(13)} ${detail}`,
      ...(hint === null ? [] : [`       next: ${hint}`]),
    ]);
    return [...lines, passed ? 'PASSED' : 'NOT PASSED'].join('\n');
  }
}
