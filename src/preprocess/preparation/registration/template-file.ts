import { basename } from 'node:path';
import { z } from 'zod';
import { sha256 } from '../../../runtime/base/digest.ts';
import { flError } from '../../../runtime/base/errors/errors.ts';
import { readInput } from '../../../runtime/base/files/read-file.ts';
import { AXES, voxelSize } from '../../nifti/affine.ts';
import { readVolume, volumeFiles } from '../../volume/read-volume.ts';
import { findHead } from '../head-mask.ts';
import { prepareTemplate, type Template } from './register.ts';

/** A file that heads are registered to. `path` is of this machine, and stands in no record. */
export const templateSchema = z.strictObject({
  path: z.string(),
  name: z.string(),
  /** Of the bytes of its files. */
  sha256: z.string(),
});
export type TemplateFile = z.output<typeof templateSchema>;

/** @throws NF_PATH_MISSING, NF_VOLUME_* */
export async function nameTemplate(path: string): Promise<TemplateFile> {
  const files = await Promise.all((await volumeFiles(path)).map((file) => readBytes(file, path)));
  return { path, name: basename(path), sha256: sha256(Buffer.concat(files)) };
}

async function readBytes(file: string, path: string): Promise<Buffer> {
  return readInput(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    throw flError('NF_PATH_MISSING', { what: 'Template', path: file }, { place: { file: path }, cause });
  });
}

/** No picture of a head is wider; of what is, samples without end would be drawn. */
const WIDEST_MM = 1000;

/** The last one of this thread: every image of a data set has the same. */
let kept: { readonly sha256: string; readonly template: Template } | undefined;

/** @throws as `readVolume`; NF_REGISTER_TEMPLATE for one that shows no head */
export async function readTemplate(file: TemplateFile): Promise<Template> {
  if (kept?.sha256 === file.sha256) return kept.template;
  const scan = await readVolume(file.path);
  const size = voxelSize(scan.affine);
  const isWide = AXES.some((axis) => scan.shape[axis] * size[axis] > WIDEST_MM);
  const mask = isWide || Math.min(...scan.shape) < 2 ? undefined : findHead(scan);
  const template = mask && prepareTemplate({ scan, mask });
  if (!template) throw flError('NF_REGISTER_TEMPLATE', { file: file.path }, { place: { file: file.path } });
  kept = { sha256: file.sha256, template };
  return template;
}
