import type { SeriesRule } from '../series-map.ts';

/** How a value must look to be kept. */
type Form = 'number' | 'numbers' | 'boolean' | 'text' | 'texts' | RegExp;

const PLAIN = /^[\x20-\x7e]{1,64}$/;

/**
 * The keys that a sidecar may have, and the form of their values. Everything else that dcm2niix writes is left out: places, devices, times, and
 * whatever people type (descriptions, protocols, comments). Keys with a pattern have a closed set of values, which name nobody.
 */
const KEPT: Readonly<Record<string, Form>> = {
  Modality: /^MR$/,
  Manufacturer: 'text',
  ManufacturersModelName: 'text',
  SoftwareVersions: 'text',
  MagneticFieldStrength: 'number',
  MRAcquisitionType: /^[23]D$/,
  ScanningSequence: 'text',
  SequenceVariant: 'text',
  ScanOptions: 'text',
  SequenceName: 'text',
  PulseSequenceName: 'text',
  ImageType: 'texts',
  NonlinearGradientCorrection: 'boolean',
  SpoilingState: 'boolean',
  SpoilingType: 'text',
  MTState: 'boolean',
  WaterSuppression: 'boolean',
  BodyPart: /^(HEAD|BRAIN|SKULL|NECK|HEADNECK|SPINE)$/,
  BodyPartExamined: /^(HEAD|BRAIN|SKULL|NECK|HEADNECK|SPINE)$/,
  PatientPosition: /^(HF|FF)(S|P|DL|DR)$/,
  SliceThickness: 'number',
  SpacingBetweenSlices: 'number',
  EchoTime: 'number',
  EchoTime1: 'number',
  EchoTime2: 'number',
  EchoNumber: 'number',
  RepetitionTime: 'number',
  RepetitionTimeExcitation: 'number',
  InversionTime: 'number',
  FlipAngle: 'number',
  EchoTrainLength: 'number',
  NumberOfAverages: 'number',
  PartialFourier: 'number',
  PartialFourierDirection: 'text',
  BaseResolution: 'number',
  PhaseResolution: 'number',
  PercentPhaseFOV: 'number',
  PercentSampling: 'number',
  PhaseEncodingSteps: 'number',
  AcquisitionMatrixPE: 'number',
  ReconMatrixPE: 'number',
  BandwidthPerPixelPhaseEncode: 'number',
  PixelBandwidth: 'number',
  DwellTime: 'number',
  ParallelReductionFactorInPlane: 'number',
  ParallelReductionFactorOutOfPlane: 'number',
  ParallelAcquisitionTechnique: 'text',
  MultibandAccelerationFactor: 'number',
  EffectiveEchoSpacing: 'number',
  DerivedVendorReportedEchoSpacing: 'number',
  TotalReadoutTime: 'number',
  EstimatedEffectiveEchoSpacing: 'number',
  EstimatedTotalReadoutTime: 'number',
  PhaseEncodingDirection: /^[ijk]-?$/,
  PhaseEncodingAxis: /^[ijk]$/,
  SliceEncodingDirection: /^[ijk]-?$/,
  SliceTiming: 'numbers',
  ReceiveCoilName: 'text',
  CoilCombinationMethod: 'text',
  MatrixCoilMode: 'text',
  ContrastBolusIngredient: /^(IODINE|GADOLINIUM|CARBON DIOXIDE|BARIUM|XENON)$/,
  ConversionSoftware: /^dcm2niix$/,
  ConversionSoftwareVersion: /^v[\d.]+$/,
};

export interface CleanSidecar {
  readonly values: Readonly<Record<string, unknown>>;
  /** Texts of values that have no closed set, with their keys: to be held against what identifies. */
  readonly texts: readonly { readonly key: string; readonly text: string }[];
  /** Keys that were left out. */
  readonly left: readonly string[];
}

/** What may be kept of the sidecar of dcm2niix. `drop`: keys to leave out besides. */
export function cleanSidecar(bytes: Uint8Array, drop: readonly string[]): CleanSidecar {
  const parsed: unknown = JSON.parse(new TextDecoder().decode(bytes));
  const entries = Object.entries((parsed ?? {}) as Record<string, unknown>);
  const isSaid = hasSoundTiming(entries)
    ? isKept
    : (key: string, value: unknown) => key !== 'SliceTiming' && isKept(key, value);
  const kept = entries.filter(([key, value]) => !drop.includes(key) && isSaid(key, value));
  const texts = kept.flatMap(([key, value]) =>
    KEPT[key] instanceof RegExp ? [] : textsIn(value).map((text) => ({ key, text })),
  );
  const names = new Set(kept.map(([key]) => key));
  return {
    values: Object.fromEntries(kept),
    texts,
    left: entries.map(([key]) => key).filter((key) => !names.has(key)),
  };
}

function isKept(key: string, value: unknown): boolean {
  const form = Object.hasOwn(KEPT, key) ? KEPT[key] : undefined;
  if (form === undefined) return false;
  if (form instanceof RegExp) return typeof value === 'string' && form.test(value);
  if (form === 'text') return typeof value === 'string' && PLAIN.test(value);
  if (form === 'texts')
    return Array.isArray(value) && value.every((one) => typeof one === 'string' && PLAIN.test(one));
  if (form === 'numbers') return Array.isArray(value) && value.every((one) => typeof one === 'number');
  return typeof value === form;
}

/** dcm2niix gives times after the volume's end where a header has damaged or midnight-crossing ones. */
function hasSoundTiming(entries: readonly (readonly [string, unknown])[]): boolean {
  const { SliceTiming: times, RepetitionTime: most } = Object.fromEntries(entries);
  if (!Array.isArray(times) || typeof most !== 'number') return true;
  return times.every((time) => typeof time === 'number' && time >= 0 && time < most);
}

function textsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return typeof value === 'string' ? [value] : [];
}

/** What BIDS recommends and a sidecar without places and devices cannot say; said once, at the root. */
export const WITHHELD = {
  DeviceSerialNumber: 'n/a',
  InstitutionName: 'n/a',
  InstitutionAddress: 'n/a',
  InstitutionalDepartmentName: 'n/a',
  StationName: 'n/a',
} as const;

/** Texts that BIDS recommends of every MR image; where a header does not say one, it is not known. Numbers cannot be written so. */
const NOT_KNOWN = [
  'Manufacturer',
  'ManufacturersModelName',
  'SoftwareVersions',
  'ScanningSequence',
  'SequenceVariant',
  'ScanOptions',
  'SequenceName',
  'PulseSequenceType',
  'PulseSequenceDetails',
  'BodyPart',
  'ReceiveCoilName',
  'ReceiveCoilActiveElements',
  'CoilCombinationMethod',
  'MatrixCoilMode',
  'ParallelAcquisitionTechnique',
  'PartialFourierDirection',
] as const;

/** What BIDS recommends of a task, of which DICOM says nothing; a rule may say it. */
const TASK_NOT_KNOWN = { Instructions: 'n/a', TaskDescription: 'n/a' } as const;

/** The sidecar of one image: what its headers say, and over it what the rule says. */
export function sidecarOf(
  clean: CleanSidecar,
  { entities, sidecar, suffix }: SeriesRule,
): Readonly<Record<string, unknown>> {
  const task = entities?.task;
  return {
    ...Object.fromEntries(NOT_KNOWN.map((key) => [key, 'n/a'])),
    ...(task !== undefined && suffix === 'bold' && TASK_NOT_KNOWN),
    ...clean.values,
    ...(task !== undefined && { TaskName: task }),
    ...sidecar,
  };
}
