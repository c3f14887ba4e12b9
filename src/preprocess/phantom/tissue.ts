import { numberAt } from '../../runtime/base/at.ts';
/** What a voxel can be made of. */
export type Tissue = keyof typeof TISSUES;

interface Properties {
  /** Longitudinal relaxation time at 1.5 T and at 3 T, in ms. */
  readonly t1: readonly [number, number];
  /** Effective transverse relaxation time, in ms. */
  readonly t2: number;
  /** Proton density, of water. */
  readonly density: number;
}

/**
 * Design values in the range that textbooks give; lesions and vessels as after gadolinium, which shortens T1.
 * They are a model's parameters, not measurements.
 */
export const TISSUES = {
  air: { t1: [1000, 1000], t2: 1, density: 0 },
  csf: { t1: [3600, 3900], t2: 200, density: 1 },
  grey: { t1: [1060, 1420], t2: 60, density: 0.82 },
  white: { t1: [640, 840], t2: 50, density: 0.7 },
  fat: { t1: [300, 420], t2: 40, density: 0.72 },
  marrow: { t1: [420, 560], t2: 20, density: 0.5 },
  bone: { t1: [900, 1000], t2: 3, density: 0.15 },
  muscle: { t1: [900, 1200], t2: 30, density: 0.72 },
  vitreous: { t1: [3200, 3500], t2: 200, density: 1 },
  blood: { t1: [430, 560], t2: 60, density: 0.8 },
  enhancing: { t1: [470, 620], t2: 60, density: 0.85 },
  pituitary: { t1: [540, 710], t2: 60, density: 0.82 },
  oedema: { t1: [1050, 1400], t2: 90, density: 0.84 },
  tumour: { t1: [1200, 1600], t2: 100, density: 0.9 },
  necrosis: { t1: [1450, 1900], t2: 150, density: 0.95 },
  calcium: { t1: [900, 1000], t2: 4, density: 0.3 },
} as const satisfies Record<string, Properties>;

/** What decides a tissue's brightness; all of it is written to the sidecars. */
export interface Protocol {
  /** T. */
  readonly field: 1.5 | 3;
  /** ms. */
  readonly repetitionTime: number;
  readonly inversionTime: number;
  readonly echoTime: number;
  /** Degrees. */
  readonly flipAngle: number;
}

/** Brightness of each tissue, white matter being 1. */
export type Signals = Readonly<Record<Tissue, number>>;

/**
 * Idealised inversion recovery with a spoiled readout (Haacke et al., "Magnetic Resonance Imaging", 2nd ed., chapter 8):
 * density sin(FA) |1 - 2 exp(-TI / T1) + exp(-TR / T1)| exp(-TE / T2*). `stretch` scales a tissue's T1 (1: as in the table).
 */
export function signalsOf(protocol: Protocol, stretch: (tissue: Tissue) => number): Signals {
  const names = Object.keys(TISSUES) as Tissue[];
  const raw = names.map((name) => signal(TISSUES[name], protocol, stretch(name)));
  const white = raw[names.indexOf('white')] ?? 1;
  return Object.fromEntries(names.map((name, at) => [name, numberAt(raw, at) / white])) as Record<
    Tissue,
    number
  >;
}

function signal(tissue: Properties, protocol: Protocol, stretch: number): number {
  const t1 = tissue.t1[protocol.field === 3 ? 1 : 0] * stretch;
  const recovered = 1 - 2 * Math.exp(-protocol.inversionTime / t1) + Math.exp(-protocol.repetitionTime / t1);
  const excited = Math.sin((protocol.flipAngle * Math.PI) / 180);
  return tissue.density * excited * Math.abs(recovered) * Math.exp(-protocol.echoTime / tissue.t2);
}
