import { Args, Flags } from '@oclif/core';
import { renderStudy } from '../../output/study-text.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { type Study, studyOne } from '../../runtime/network/messages/admin.ts';

export default class StudyAddUser extends RemoteCommand<Study> {
  static override summary = 'let somebody into a study, with a role in it';
  static override examples = ['<%= config.bin %> study add-user brain ann@example.org --role lead'];
  static override args = {
    study: Args.string({ required: true, description: 'name of the study' }),
    user: Args.string({ required: true, description: 'e-mail address in the certificate' }),
  };
  static override flags = {
    role: Flags.string({ required: true, summary: 'project_admin, org_admin, lead or member' }),
  };
  static override resultSchema = studyOne;

  protected override async execute(): Promise<Study> {
    const { args, flags } = await this.parse(StudyAddUser);
    return this.withAdmin((admin) => admin.addUser(args.study, args.user, flags.role));
  }

  protected override render(study: Study): string {
    return renderStudy(study);
  }
}
