import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../command.ts';
import { workspaceFlag } from '../output/flags.ts';
import { shownPath } from '../runtime/base/text/shown-path.ts';
import { type ReportResult, reportResultSchema } from '../runtime/evaluation/report/result.ts';

export default class Report extends BaseCommand<ReportResult> {
  static override summary = 'write the report of a run: one HTML file, its record, and TensorBoard logs';
  static override description =
    'The page needs no network: the answer first, then the figures behind it. Judge the run before with `evaluate`.';
  static override examples = [
    '<%= config.bin %> report glioma',
    '<%= config.bin %> report work/glioma/latest --out ./published',
    '<%= config.bin %> report glioma --sign kits/brain/prod_00/ann@example.org',
    '<%= config.bin %> report glioma --compare other-glioma',
  ];
  static override args = {
    run: Args.string({ required: true, description: 'JOB, JOB/RUN_ID or run folder' }),
  };
  static override flags = {
    workspace: workspaceFlag,
    compare: Flags.string({ summary: 'another run: one page on both, paired by subject' }),
    out: Flags.string({ summary: 'folder to write to (default: that of the run)' }),
    sign: Flags.string({
      helpValue: 'KIT',
      summary: 'sign run_record.json with the key of this kit; `runs verify` checks it',
      exclusive: ['compare'],
    }),
  };
  static override resultSchema = reportResultSchema;

  protected override async execute(): Promise<ReportResult> {
    const { args, flags } = await this.parse(Report);
    const { makeComparison, makeReport } = await import('../runtime/evaluation/report/make-report.ts');
    const options = { target: args.run, workspace: flags.workspace, out: flags.out, signWith: flags.sign };
    return flags.compare === undefined ? makeReport(options) : makeComparison(options, flags.compare);
  }

  protected override render({ sentence, report, record, tensorboard }: ReportResult): string {
    return [
      sentence,
      `report       ${shownPath(report)}`,
      ...(record === null ? [] : [`record       ${shownPath(record)}`]),
      ...(tensorboard === null ? [] : [`tensorboard  ${shownPath(tensorboard)}`]),
    ].join('\n');
  }
}
