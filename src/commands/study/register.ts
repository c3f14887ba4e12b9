import { Args, Flags } from '@oclif/core';
import { renderStudy } from '../../output/study-text.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { type Study, studyOne } from '../../runtime/network/messages/admin.ts';

export default class StudyRegister extends RemoteCommand<Study> {
  static override summary = 'make a study, with some sites or none yet';
  static override examples = ['<%= config.bin %> study register brain --sites site-1,site-2'];
  static override args = {
    study: Args.string({ required: true, description: 'name of the study' }),
  };
  static override flags = {
    sites: Flags.string({ required: false, summary: 'names, separated by commas' }),
    open: Flags.boolean({ summary: 'everybody in the project is in it, with the role in the certificate' }),
  };
  static override resultSchema = studyOne;

  protected override async execute(): Promise<Study> {
    const { args, flags } = await this.parse(StudyRegister);
    return this.withAdmin((admin) =>
      admin.registerStudy(args.study, flags.sites?.split(',').map((site) => site.trim()) ?? [], flags),
    );
  }

  protected override render(study: Study): string {
    return renderStudy(study);
  }
}
