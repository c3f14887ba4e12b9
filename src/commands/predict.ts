import { availableParallelism } from 'node:os';
import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../command.ts';
import { engineFlag, mirrorFlag, modelFlags, slicesFlag } from '../output/flags.ts';
import { renderPredictions } from '../output/predict-summary.ts';
import { type PredictResult, predictResultSchema } from '../runtime/evaluation/predict/predict-schema.ts';

export default class Predict extends BaseCommand<PredictResult> {
  static override summary = 'tell what a model says of images that nobody has labelled';
  static override description =
    'TARGET is a job with runs, JOB/RUN_ID, the folder of a run, or a .safetensors file; images are volumes (NIfTI, MGH, NRRD, MetaImage), ' +
    'JPEG or PNG files or BIDS data sets. Probabilities are calibrated where the model was evaluated. Of a model that labels voxels, masks are written on the grid of each image, as a BIDS derivative. For research only; not a medical device.';
  static override examples = [
    '<%= config.bin %> predict glioma scan.nii.gz',
    '<%= config.bin %> predict work/glioma/latest slice-1.jpg slice-2.jpg --out ./predicted',
    '<%= config.bin %> predict glioma ./bids --json',
    '<%= config.bin %> predict lesions ./bids --out ./bids/derivatives/predicted',
  ];
  static override strict = false;
  static override args = {
    target: Args.string({ required: true, description: 'run or model' }),
    images: Args.string({ required: true, description: 'image files or BIDS data sets, any number' }),
  };
  static override flags = {
    ...modelFlags,
    'head-mask': Flags.boolean({
      allowNo: true,
      summary: 'crop pictures to the head (default: as the training images were)',
    }),
    site: Flags.string({
      summary:
        'site of the run that the images are of, where its job harmonises pictures (workflow.harmonisation)',
    }),
    slices: slicesFlag,
    mirror: mirrorFlag,
    'fail-on-unlike': Flags.boolean({
      summary: 'exit with 1 if an image is unlike those of training, or if that is not known',
    }),
    out: Flags.string({
      summary: 'folder to write predictions.json, predictions.tsv and overlays or masks to',
    }),
    ...engineFlag,
  };
  static override resultSchema = predictResultSchema;
  #failOnUnlike = false;

  protected override async execute(): Promise<PredictResult> {
    const { args, argv, flags } = await this.parse(Predict);
    this.#failOnUnlike = flags['fail-on-unlike'];
    const { predictImages } = await import('../runtime/evaluation/predict/predict.ts');
    return predictImages({
      target: args.target,
      workspace: flags.workspace,
      which: flags.model,
      job: flags.job,
      inputs: argv.map(String).slice(1),
      headMask: flags['head-mask'],
      site: flags.site,
      slices: flags.slices,
      mirror: flags.mirror,
      out: flags.out,
      engine: { choice: flags.engine, gpu: flags.gpu, threads: availableParallelism() },
      progress: this.progress(),
      signal: this.signal,
    });
  }

  protected override exitCodeOf(result: PredictResult): 0 | 1 {
    if (!this.#failOnUnlike) return 0;
    if (result.task === 'segmentation') return 1;
    return result.images.some(({ unlike }) => unlike === null || unlike.is_unlike) ? 1 : 0;
  }

  protected override render(result: PredictResult): string {
    return renderPredictions(result);
  }
}
