import { decodeNifti } from '../../nifti/read.ts';
import { gzipNifti } from '../../nifti/write.ts';

/** Texts of a NIfTI-1 header (nifti1.h): data_type and db_name, descrip and aux_file, intent_name. dcm2niix writes times and comments there. */
const TEXTS = [
  [4, 32],
  [148, 228],
  [228, 252],
  [328, 344],
] as const;
/** Whether extensions follow; nothing of a DICOM file belongs there. */
const EXTENSION = 348;

export interface CleanVolume {
  /** Bytes of a .nii.gz. */
  readonly bytes: Uint8Array;
  /** As in the header: 3 or 4 axes. */
  readonly axes: number;
  readonly volumes: number;
}

/**
 * The volume that dcm2niix made, checked by the reader that training uses, without any text in its header.
 * @param name is said in errors
 * @throws NF_NIFTI_*
 */
export async function cleanVolume(nifti: Uint8Array, name: string): Promise<CleanVolume> {
  const { shape } = await decodeNifti(nifti, name);
  for (const [from, to] of TEXTS) nifti.fill(0, from, to);
  nifti[EXTENSION] = 0;
  return { bytes: await gzipNifti(nifti), axes: shape.length, volumes: shape[3] ?? 1 };
}
