import { Args } from '@oclif/core';
import { renderStudy } from '../../output/study-text.ts';
import { RemoteCommand } from '../../remote-command.ts';
import { type Study, studyOne } from '../../runtime/network/messages/admin.ts';

export default class StudyRemoveUser extends RemoteCommand<Study> {
  static override summary = 'take somebody out of a study';
  static override examples = ['<%= config.bin %> study remove-user brain ann@example.org'];
  static override args = {
    study: Args.string({ required: true, description: 'name of the study' }),
    user: Args.string({ required: true, description: 'e-mail address in the certificate' }),
  };
  static override resultSchema = studyOne;

  protected override async execute(): Promise<Study> {
    const { args } = await this.parse(StudyRemoveUser);
    return this.withAdmin((admin) => admin.removeUser(args.study, args.user));
  }

  protected override render(study: Study): string {
    return renderStudy(study);
  }
}
