import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { pageFlags, workspaceFlag } from '../../output/flags.ts';
import { openBrowser } from '../../output/open-browser.ts';
import { writeAnswer } from '../../output/terminal.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import type { ReadyView } from '../../runtime/evaluation/viewer/serve-view.ts';

const count = z.int().nonnegative();
const resultSchema = z.object({
  address: z.string().describe('with the token: whoever on this machine has it sees the images'),
  subjects: count,
  images: count,
  notes: z.array(z.string()),
});
type Result = z.output<typeof resultSchema>;

export default class PreprocessView extends BaseCommand<Result> {
  static override summary = 'look at images, masks, heat maps and quality in the browser';
  static override description =
    'TARGET is a BIDS data set, or a run: then the site, part and prediction of each subject stand beside its images. The page is served to ' +
    'this machine alone, at an address with a random token; nothing is fetched from elsewhere and nothing is written. Ends on Ctrl-C.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> ./bids',
    '<%= config.bin %> <%= command.id %> glioma --no-open --port 8090',
  ];
  static override args = {
    target: Args.string({
      required: true,
      description: 'BIDS data set, JOB, JOB/RUN_ID or run folder',
    }),
  };
  static override flags = {
    workspace: workspaceFlag,
    data: Flags.string({ summary: 'BIDS data set to show in place of that of the run' }),
    quality: Flags.string({
      summary: 'folder that preprocess quality wrote, where it lies outside the data set',
    }),
    ...pageFlags,
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(PreprocessView);
    const { serveView } = await import('../../runtime/evaluation/viewer/serve-view.ts');
    const { target } = args;
    const { workspace, data, quality, port } = flags;
    let ready: ReadyView | undefined;
    let close: (() => void) | undefined;
    const onReady = (view: ReadyView) => {
      ready = view;
      // The answer is what people wait for, not how it ends.
      writeAnswer(
        this.outputFormat === 'txt' ? shown(view) : super.envelope({ ...view, notes: [...view.notes] }, 0),
      );
      for (const note of view.notes) this.note(note);
      this.note('Ctrl-C ends the viewer.');
      if (flags.open) close = openBrowser(view.address);
    };
    try {
      await serveView({ target, workspace, data, quality, port, onReady, signal: this.signal });
    } finally {
      close?.();
    }
    return { address: '', subjects: 0, images: 0, ...ready, notes: [...(ready?.notes ?? [])] };
  }

  protected override envelope(): string {
    return '';
  }

  protected override render(): string {
    return '';
  }
}

function shown({ address, subjects, images }: ReadyView): string {
  return `${counted(images, 'image')} of ${counted(subjects, 'subject')}: ${address}`;
}
