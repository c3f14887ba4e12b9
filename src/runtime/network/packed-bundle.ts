import { type Bundle, bundleOf } from '../job/bundle.ts';
import type { PackedBundle } from './messages/shapes.ts';

/** A job's files as they travel: no archive format, so nothing that grows when it is opened. */
export function packBundle({ files }: Bundle): PackedBundle {
  return {
    files: files.map(({ path, bytes }) => ({ path, content: Buffer.from(bytes).toString('base64') })),
  };
}

/** @throws NF_JOB_BUNDLE if a path leaves the folder, or there is too much of it */
export function unpackBundle({ files }: PackedBundle): Bundle {
  return bundleOf(files.map(({ path, content }) => ({ path, bytes: Buffer.from(content, 'base64') })));
}
