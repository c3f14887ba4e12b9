import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { flError } from '../../runtime/base/errors/errors.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { timeText } from '../../runtime/base/text/time-text.ts';
import { logReportSchema } from '../../runtime/security/verify-logs.ts';

const resultSchema = z.array(logReportSchema);
type Result = z.output<typeof resultSchema>;

export default class AuditVerify extends BaseCommand<Result> {
  static override summary = 'check audit logs and egress ledgers: nothing changed, cut or added';
  static override description =
    'Every line holds the hash of the line before it, and where a log ends is signed with the key of the kit, and of no other. Needs no server. Ends ' +
    'with 1 if something was found.';
  static override examples = [
    '<%= config.bin %> audit verify kits/example_project/prod_00/site-1',
    '<%= config.bin %> audit verify audit.jsonl --root rootCA.pem --signer server.example.org',
  ];
  static override args = {
    path: Args.string({ required: true, description: 'folder of a kit, or a log file' }),
  };
  static override flags = {
    root: Flags.string({ summary: "certificate of the project's authority; default: the kit's" }),
    head: Flags.string({
      summary: 'an earlier .head file of the log, kept elsewhere: the log must hold its entry (one log)',
    }),
    signer: Flags.string({
      summary: "participant whose log it is; default: the kit's; for a log file anybody in the project",
    }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(AuditVerify);
    const { findLogs } = await import('../../runtime/security/verify-logs.ts');
    const { verifyChainedLog } = await import('../../runtime/security/logs/chained-log.ts');
    const { paths, isSigned, ends } = await findLogs(args.path, { root: flags.root, signer: flags.signer });
    if (flags.head !== undefined && paths.length > 1)
      throw flError('NF_USAGE', { message: '--head is of one log: name its file, and --root.' });
    return Promise.all(
      paths.map(async (path) => {
        const { entries, first, last, findings } = await verifyChainedLog(path, isSigned, {
          knownHead: flags.head,
          knownEnd: ends.get(path),
        });
        return { path, entries, first: first ?? null, last: last ?? null, findings: [...findings] };
      }),
    );
  }

  protected override exitCodeOf(logs: Result): 0 | 1 {
    return logs.some(({ findings }) => findings.length > 0) ? 1 : 0;
  }

  protected override render(logs: Result): string {
    return logs
      .flatMap(({ path, entries, first, last, findings }) => [
        `${path}: ${counted(entries, 'entry', 'entries')}${first === null || last === null ? '' : `, ${timeText(first)} to ${timeText(last)}`}: ${findings.length === 0 ? 'whole' : 'NOT WHOLE'}`,
        ...findings.map(({ line, problem }) => (line === 0 ? `  ${problem}` : `  line ${line}: ${problem}`)),
      ])
      .join('\n');
  }
}
