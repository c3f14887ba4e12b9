/** What counts as a lesion, and what a distance is where one of two masks is empty. */
export interface LesionRules {
  /** Lesions of the truth whose masks touch once both are grown by this many voxels are one. */
  readonly dilation: number;
  /** Lesions of the truth up to this many mm3 are left out: whether they are found or not. */
  readonly least_mm3: number;
  /** HD95 of a lesion that is missed, or of a finding that is none, in mm: the diagonal of a BraTS volume. */
  readonly penalty_mm: number;
}

/** Those of the challenges of BraTS 2023, by their names (Saluja et al., "BraTS-2023-Metrics", metrics.py). */
export const BRATS_2023 = {
  'BraTS-GLI': { dilation: 3, least_mm3: 50, penalty_mm: 374 },
  'BraTS-SSA': { dilation: 3, least_mm3: 50, penalty_mm: 374 },
  'BraTS-MEN': { dilation: 1, least_mm3: 50, penalty_mm: 374 },
  'BraTS-PED': { dilation: 3, least_mm3: 50, penalty_mm: 374 },
  'BraTS-MET': { dilation: 1, least_mm3: 2, penalty_mm: 374 },
} as const satisfies Record<string, LesionRules>;
