import { Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';

const resultSchema = z.object({
  project: z.string(),
  folder: z.string(),
  root_fingerprint: z.string(),
  root_expires: z.iso.datetime(),
});
type Result = z.output<typeof resultSchema>;

export default class CertInit extends BaseCommand<Result> {
  static override summary = 'make the certificate authority of a project, and no kits';
  static override description =
    'For participants who make their own keys: they run `cert request`, the coordinator `cert approve`, they `package`.';
  static override examples = ['<%= config.bin %> cert init --project-file project.yml --workspace kits'];
  static override flags = {
    'project-file': Flags.string({ char: 'p', default: 'project.yml', summary: 'the project' }),
    workspace: Flags.string({ char: 'w', default: 'workspace', summary: 'folder of the authority' }),
    'valid-days': Flags.integer({
      min: 1,
      max: 36_500,
      default: 3650,
      summary: "days the authority's certificate is good for",
    }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(CertInit);
    const { initAuthority } = await import('../../runtime/security/provision.ts');
    const { readProject } = await import('../../runtime/security/project/read-project.ts');
    const project = await readProject(flags['project-file']);
    const days = flags['valid-days'];
    const { folder, rootFingerprint, rootExpires } = await initAuthority(project, {
      workspace: flags.workspace,
      days,
      rootDays: days,
      now: new Date(),
    });
    return {
      project: project.name,
      folder,
      root_fingerprint: rootFingerprint,
      root_expires: rootExpires.toISOString(),
    };
  }

  protected override render({ project, folder, root_fingerprint: root }: Result): string {
    return [
      `Made the certificate authority of ${project} in ${folder}/state; keep it safe and to yourself.`,
      `Fingerprint of the authority: ${root}`,
      'Next: each participant runs neuroflare cert request, then neuroflare cert approve REQUEST here.',
    ].join('\n');
  }
}
