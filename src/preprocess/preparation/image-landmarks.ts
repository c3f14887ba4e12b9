import { valuesIn } from './crop.ts';
import { type Landmarks, landmarksOf } from './landmarks.ts';
import { type ImageTask, readScan } from './prepare-image.ts';
import { blank, runPipeline, withHead } from './run-pipeline.ts';

export interface ImageLandmarks {
  readonly file: string;
  readonly landmarks: Landmarks;
}

/**
 * The landmarks of a volume inside its head, after the steps of a pipeline.
 * @throws as `prepareImage`; NF_PREPARE_BLANK for a head without contrast
 */
export async function landmarksOfImage({
  file,
  source,
  pipeline,
}: Pick<ImageTask, 'file' | 'source' | 'pipeline'>): Promise<ImageLandmarks> {
  const { scan, head } = withHead(await runPipeline(await readScan(file), pipeline, file), file);
  const landmarks = landmarksOf(valuesIn(scan.data, head));
  if (!landmarks) throw blank(file);
  return { file: source, landmarks };
}
