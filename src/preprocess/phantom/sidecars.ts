import { siteName } from './plan.ts';
import type { Scanner } from './scanner.ts';

/** What is the same for every image; stands once, at the root (BIDS 1.11, "The Inheritance Principle"). */
export const COMMON_SIDECAR = {
  Manufacturer: 'simulated',
  ManufacturersModelName: 'neuroflare phantom',
  DeviceSerialNumber: 'none',
  SoftwareVersions: 'n/a',
  InstitutionAddress: 'none',
  InstitutionalDepartmentName: 'none',
  StationName: 'none',
  ScanOptions: 'none',
  BodyPart: 'HEAD',
  PulseSequenceType: 'Idealised inversion recovery',
  PulseSequenceDetails:
    'Signal = density x sin(FA) x |1 - 2 exp(-TI/T1) + exp(-TR/T1)| x exp(-TE/T2*), partial volume, receive field, grey curve, Rician noise',
  ScanningSequence: 'IR',
  SequenceVariant: 'NONE',
  SequenceName: 'simulated',
  MRAcquisitionType: '3D',
  MTState: false,
  SpoilingState: false,
  NonlinearGradientCorrection: false,
  NumberShots: 1,
  ParallelReductionFactorInPlane: 1,
  ParallelReductionFactorOutOfPlane: 1,
  ParallelAcquisitionTechnique: 'none',
  PartialFourier: 1,
  PartialFourierDirection: 'none',
  WaterSuppression: false,
  ReceiveCoilName: 'simulated',
  ReceiveCoilActiveElements: 'all',
  CoilCombinationMethod: 'none',
  MatrixCoilMode: 'none',
  ContrastBolusIngredient: 'GADOLINIUM',
} as const;

/** What the scanner of a site decides. Times in s, as BIDS wants them. */
export function siteSidecar(scanner: Scanner): Record<string, unknown> {
  return {
    InstitutionName: siteName(scanner.number),
    MagneticFieldStrength: scanner.field,
    RepetitionTime: scanner.repetitionTime / 1000,
    InversionTime: scanner.inversionTime / 1000,
    EchoTime: Number((scanner.echoTime / 1000).toFixed(6)),
    FlipAngle: scanner.flipAngle,
    DwellTime: Number((scanner.dwellTime * 1e-6).toFixed(9)),
  };
}

export function maskSidecar(id: string): Record<string, unknown> {
  return { Sources: [`bids:raw:${id}/anat/${id}_ce-gadolinium_T1w.nii.gz`] };
}
