/** What a control may look at, and how it decides. */
export const CONTROLS = {
  majority: 'the most common class',
  size: 'random forest on width, height and depth of the stored image',
  frame: 'random forest on the outer 4 pixels of 96',
  silhouette: 'random forest on the outline of the head',
  histogram: 'random forest on shares of 32 grey ranges',
  nearest: 'the most alike training picture, 64 x 64 pixels',
  kernel: 'least-squares support vector machine, Gaussian kernel, on 64 x 64 pixels',
  forest: 'random forest on 64 x 64 pixels',
} as const;

/** Fewer training images than classes times this teach a control nothing. */
export const LEAST_A_CLASS = 2;

export type ControlName = keyof typeof CONTROLS;
export const CONTROL_NAMES = Object.keys(CONTROLS) as ControlName[];
