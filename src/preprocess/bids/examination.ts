import type { Place } from '../../runtime/base/errors/errors.ts';
import type { Fault } from '../image/fault.ts';
import type { Affine } from '../nifti/affine.ts';

/** One volume or slice as it is written: first axis fastest, millimetres, x right, y anterior, z superior. */
export interface SourceVolume {
  readonly shape: readonly [number, number, number];
  readonly data: Float32Array;
  readonly affine: Affine;
  /** False where its file does not say where right, front and top are, or contradicts itself. */
  readonly hasSureAxes?: boolean;
}

/** One image of an examination, or its lesion mask. */
export interface VolumeItem {
  /** BIDS entities after the subject, and the suffix: `T1w`, `ce-gadolinium_T1w`, `desc-slice_T1w`. */
  readonly name: string;
  /** @throws NeuroflareError that names what is wrong with its file */
  readonly read: () => Promise<SourceVolume>;
}

/** A JPEG or PNG file, which the writer decodes. */
export interface PictureContent {
  readonly kind: 'picture';
}

/** Volumes of one head on one grid, each read when its turn comes. */
export interface VolumesContent {
  readonly kind: 'volumes';
  readonly images: readonly VolumeItem[];
  /** Whole numbers: 0 outside the lesion. */
  readonly mask: VolumeItem | undefined;
}

/** What becomes one participant. */
export interface Examination {
  /** Unique; examinations are numbered by it, in the order of UTF-16 code units. */
  readonly key: string;
  readonly label: string;
  /** Who must stay together, in the words of the source; neither written nor shown, since it may name a person. */
  readonly patient: string | undefined;
  readonly site?: string | undefined;
  /** Letters and digits. */
  readonly session?: string | undefined;
  /** Where its source stands, for participants.tsv. */
  readonly origin: Origin;
  /** What lists of faults call it: its path in the source, or the line of the table. */
  readonly shown: string;
  readonly place: Place;
  /** Absolute paths of all files it is made of; the first is the image that is named. */
  readonly files: readonly string[];
  readonly content: PictureContent | VolumesContent;
}

/** Columns of participants.tsv that lead back to the source; what may name a person is left out. */
export interface Origin {
  /** `Training` or `Testing`, where the source has such a level. */
  readonly split?: string | undefined;
  /** Path in the source. */
  readonly file?: string;
  /** 1-based line of the table. */
  readonly line?: number;
  /** What a challenge calls it. */
  readonly challengeCase?: string;
}

/** What is known of all images of a source, for the sidecars. */
export interface SourceTexts {
  /** `class folders of JPEG and PNG images`; the end of a sentence. */
  readonly what: string;
  /** What the images are, for the Description of their sidecars. */
  readonly images: string;
  readonly skullStripped: boolean;
  /** What the values of masks mean, where there are masks. */
  readonly mask?: string;
}

/** A source as it was found: every kind (class folders, tables, challenges, DICOM) is made into this, and one writer takes it. */
export interface ExaminationSource {
  readonly kind: 'pictures' | 'volumes';
  /** Sorted by key. */
  readonly examinations: readonly Examination[];
  /** Files that cannot be used, as far as they were looked at. */
  readonly faults: readonly Fault[];
  readonly texts: SourceTexts;
  /** Gives back what its reading holds. */
  readonly close?: () => Promise<void>;
}
