import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../../command.ts';
import { renderInspect } from '../../output/inspect-summary.ts';
import { type InspectResult, inspectResultSchema } from '../../preprocess/dicom/inspect-schema.ts';

export default class PreprocessInspect extends BaseCommand<InspectResult> {
  static override summary = 'list the series of a folder of DICOM files, without patient data';
  static override description =
    'FOLDER may hold series of any kind, mixed, with any names, nested, with or without a DICOMDIR. Headers alone are read. The table ' +
    'has no names, ids or dates; a description was typed by a person, though: what their headers hold of names, ids and dates is ' +
    'taken out of it, and what is left should be looked at before the table is given away. What is wrong with a series is named.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./dicom',
    '<%= config.bin %> <%= command.id %> ./dicom --dicom-map map.yaml',
    '<%= config.bin %> <%= command.id %> ./dicom --table series.tsv --paths paths.tsv',
  ];
  static override args = {
    folder: Args.string({ required: true, description: 'folder of DICOM files' }),
  };
  static override flags = {
    'dicom-map': Flags.string({
      summary: 'YAML file of rules; the table then says which of them a series fits',
    }),
    key: Flags.string({ summary: 'key file of the site: ids are then those that an import gives' }),
    table: Flags.string({ summary: 'TSV file to write the table to' }),
    paths: Flags.string({
      summary: 'TSV file to write: which file belongs to which series. It stays with the data',
    }),
    jobs: Flags.integer({ char: 'j', min: 1, max: 64, default: 8, summary: 'files looked at at once' }),
  };
  static override resultSchema = inspectResultSchema;

  protected override async execute(): Promise<InspectResult> {
    const { args, flags } = await this.parse(PreprocessInspect);
    const { inspectFolder } = await import('../../preprocess/dicom/inspect.ts');
    return inspectFolder({
      source: args.folder,
      keyFile: flags.key,
      map: flags['dicom-map'],
      table: flags.table,
      paths: flags.paths,
      jobs: flags.jobs,
      progress: this.progress(),
      signal: this.signal,
    });
  }

  protected override render(result: InspectResult): string {
    return renderInspect(result);
  }
}
