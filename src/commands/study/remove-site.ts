import { Args, Flags } from '@oclif/core';
import { renderStudy } from '../../output/study-text.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { type Study, studyOne } from '../../runtime/network/messages/admin.ts';

export default class StudyRemoveSite extends RemoteCommand<Study> {
  static override summary = 'take sites out of a study';
  static override examples = ['<%= config.bin %> study remove-site brain --sites site-3'];
  static override args = {
    study: Args.string({ required: true, description: 'name of the study' }),
  };
  static override flags = {
    sites: Flags.string({ required: true, summary: 'names, separated by commas' }),
  };
  static override resultSchema = studyOne;

  protected override async execute(): Promise<Study> {
    const { args, flags } = await this.parse(StudyRemoveSite);
    return this.withAdmin((admin) =>
      admin.changeSites(
        args.study,
        'remove',
        flags.sites.split(',').map((site) => site.trim()),
      ),
    );
  }

  protected override render(study: Study): string {
    return renderStudy(study);
  }
}
