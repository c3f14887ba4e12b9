import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../command.ts';

const resultSchema = z.object({
  path: z.string(),
  project: z.string(),
  name: z.string(),
  renewed: z.boolean().describe('true if a kit that was there got new signed files'),
  expires: z.iso.datetime().optional(),
  root_fingerprint: z.string().optional(),
});
type Result = z.output<typeof resultSchema>;

export default class Package extends BaseCommand<Result> {
  static override summary = 'join an approval with the private key it is for: a startup kit';
  static override description =
    'The approval comes from `cert approve` or `provision --renew`. A new kit takes its key from the request; a kit that is there is ' +
    'renewed in place and keeps its key and its local files.';
  static override examples = [
    '<%= config.bin %> package site-1.approval.json --request ./site-1-request --out ./site-1 --fingerprint 3F:A1:…',
    '<%= config.bin %> package site-1.approval.json --out ./site-1',
  ];
  static override args = {
    approval: Args.string({ required: true, description: 'file the coordinator sent' }),
  };
  static override flags = {
    request: Flags.string({ char: 'r', summary: 'folder `cert request` made; not needed to renew a kit' }),
    out: Flags.string({ char: 'o', summary: "folder of the kit (default: the participant's name)" }),
    fingerprint: Flags.string({
      summary: "SHA-256 of the authority's certificate, told by another way than the file came on",
    }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(Package);
    const { packageKit } = await import('../runtime/security/approval/package.ts');
    const { path, renewed, report } = await packageKit({ approval: args.approval, ...flags });
    const { project, participant, expires, rootFingerprint } = report;
    return {
      path,
      project,
      name: participant,
      renewed,
      ...(expires && { expires: expires.toISOString() }),
      ...(rootFingerprint !== undefined && { root_fingerprint: rootFingerprint }),
    };
  }

  protected override render({ path, name, renewed, expires, root_fingerprint: root }: Result): string {
    const until = expires?.slice(0, 10);
    return `${renewed ? 'Renewed' : 'Made'} ${path}, the kit of ${name}, good until ${until}.\nFingerprint of the authority: ${root}`;
  }
}
