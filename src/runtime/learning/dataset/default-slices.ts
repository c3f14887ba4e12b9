/** Axial slices made of a volume where nothing else is said. */
export const DEFAULT_SLICES = 9;
