/** Which images a figure can be defined for. */
export type Kind = 'volume' | 'series' | 'picture';

/** What is measured of an image. Definitions are those of MRIQC (Esteban et al. 2017), where it has the figure. */
export interface Figure {
  readonly name: string;
  /** As MRIQC's tables call it; null where it has none. */
  readonly mriqc: string | null;
  /** Unit; `1` for a ratio. */
  readonly unit: string;
  /** Which way an image is better; null where neither is. */
  readonly better: 'high' | 'low' | null;
  readonly kinds: readonly Kind[];
  /** For people, in a sidecar and on a page. */
  readonly text: string;
}

const ALL: readonly Kind[] = ['volume', 'series', 'picture'];

export const FIGURES = [
  {
    name: 'snr',
    mriqc: 'snr_total, snr',
    unit: '1',
    better: 'high',
    kinds: ALL,
    text: 'Signal to noise: of a volume the mean over CSF, grey and white matter of mean over standard deviation; of a series and a picture median over standard deviation in the head.',
  },
  {
    name: 'snrd',
    mriqc: 'snrd_total',
    unit: '1',
    better: 'high',
    kinds: ALL,
    text: "Dietrich's signal to noise: 0.655 times the signal over the spread of the air, which is Rayleigh noise (Dietrich et al. 2007).",
  },
  {
    name: 'cnr',
    mriqc: 'cnr',
    unit: '1',
    better: 'high',
    kinds: ['volume'],
    text: 'Contrast to noise: difference of white and grey matter over the root of the summed variances of air, white and grey matter (Magnotta and Friedman 2006).',
  },
  {
    name: 'cjv',
    mriqc: 'cjv',
    unit: '1',
    better: 'low',
    kinds: ['volume'],
    text: 'Coefficient of joint variation: sum of the standard deviations of white and grey matter over the difference of their means (Ganzetti et al. 2016).',
  },
  {
    name: 'efc',
    mriqc: 'efc',
    unit: '1',
    better: 'low',
    kinds: ALL,
    text: 'Entropy focus criterion: Shannon entropy of the voxels over its maximum; ghosts and blur raise it (Atkinson et al. 1997).',
  },
  {
    name: 'fber',
    mriqc: 'fber',
    unit: '1',
    better: 'high',
    kinds: ALL,
    text: 'Foreground to background energy ratio: median of the squares in the head over that in the air (Shehzad et al. 2015).',
  },
  {
    name: 'inu_range',
    mriqc: 'inu_range',
    unit: '1',
    better: 'low',
    kinds: ['volume'],
    text: 'Range of the intensity non-uniformity: 95th less 5th percentile of the bias field in the head, found by N4 (Tustison et al. 2010).',
  },
  {
    name: 'inu_med',
    mriqc: 'inu_med',
    unit: '1',
    better: null,
    kinds: ['volume'],
    text: 'Median of the bias field in the head; near 1 in an even image.',
  },
  {
    name: 'fwhm',
    mriqc: 'fwhm_avg',
    unit: 'voxels',
    better: 'low',
    kinds: ALL,
    text: 'Smoothness: full width at half maximum of the Gaussian whose white noise has the same differences between neighbours, mean over the axes (Forman et al. 1995).',
  },
  {
    name: 'laplacian',
    mriqc: null,
    unit: '1',
    better: 'high',
    kinds: ['picture'],
    text: 'Sharpness: variance of the Laplacian over the variance of the pixels, in the head (Pech-Pacheco et al. 2000).',
  },
  {
    name: 'gsr_x',
    mriqc: 'gsr_x',
    unit: '1',
    better: 'low',
    kinds: ['series'],
    text: 'Ghost to signal ratio along left and right: mean where the ghost of the head lies less mean of the other air, over the median of the head (Giannelli et al. 2010).',
  },
  {
    name: 'gsr_y',
    mriqc: 'gsr_y',
    unit: '1',
    better: 'low',
    kinds: ['series'],
    text: 'The same along back and front.',
  },
  {
    name: 'tsnr',
    mriqc: 'tsnr',
    unit: '1',
    better: 'high',
    kinds: ['series'],
    text: 'Temporal signal to noise: median over the head of mean over standard deviation in time (Krueger and Glover 2001). Motion is not corrected before.',
  },
  {
    name: 'dvars',
    mriqc: 'dvars_nstd',
    unit: '1',
    better: 'low',
    kinds: ['series'],
    text: 'DVARS: root mean square over the head of the change from a volume to the next, where the median of the head is 1000; mean over time (Power et al. 2012). Motion is named, not corrected.',
  },
  {
    name: 'fd_mean',
    mriqc: 'fd_mean',
    unit: 'mm',
    better: 'low',
    kinds: ['series'],
    text: 'Framewise displacement: sum of the changes of three shifts and, on a sphere of 50 mm, three rotations, of volumes aligned to the first; mean over time (Power et al. 2012). Motion is named, not corrected.',
  },
  {
    name: 'fd_perc',
    mriqc: 'fd_perc',
    unit: '%',
    better: 'low',
    kinds: ['series'],
    text: 'Share of volumes whose framewise displacement is over 0.2 mm.',
  },
] as const satisfies readonly Figure[];

/** Whether a figure can be told of images of a kind. */
export function isMeantFor({ kinds }: Figure, kind: Kind): boolean {
  return kinds.includes(kind);
}

export type FigureName = (typeof FIGURES)[number]['name'];

export const FIGURE_NAMES: readonly FigureName[] = FIGURES.map(({ name }) => name);
