import { flError } from '../../runtime/base/errors/errors.ts';
import { didYouMean } from '../../runtime/base/text/nearest.ts';
import { FIGURE_NAMES, type FigureName } from './figures.ts';
import type { MeasuredImage } from './measured-image.ts';

const SIGNS = {
  '<': (value: number, bound: number) => value < bound,
  '<=': (value: number, bound: number) => value <= bound,
  '>': (value: number, bound: number) => value > bound,
  '>=': (value: number, bound: number) => value >= bound,
} as const;
type Sign = keyof typeof SIGNS;

/** What must not be true of an image. */
export interface Condition {
  /** As it was written. */
  readonly text: string;
  readonly figure: FigureName;
  readonly sign: Sign;
  readonly bound: number;
}

/** What a gate found. */
export interface Verdict {
  readonly failed: readonly {
    readonly file: string;
    readonly condition: string;
    readonly value: number;
  }[];
  /** Images for which a figure is not defined, by condition: they neither pass nor fail it. */
  readonly undecided: readonly {
    readonly condition: string;
    readonly images: number;
    /** Whether it cannot be told of any image: then nothing was judged by it. */
    readonly all: boolean;
    readonly because: string;
  }[];
}

const CONDITION = /^\s*([A-Za-z_]+)\s*(<=|>=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*$/;

/** `snr<8,efc>0.7`. @throws NF_QUALITY_GATE with the part that is none */
export function parseGate(text: string): Condition[] {
  return text.split(',').map((part) => {
    const [, name = '', sign = '', bound = ''] = CONDITION.exec(part) ?? [];
    const figure = FIGURE_NAMES.find((one) => one === name.toLowerCase());
    if (name === '') {
      const detail = `'${part.trim()}' is not FIGURE<NUMBER or FIGURE>NUMBER`;
      throw flError('NF_QUALITY_GATE', { text, detail });
    }
    if (!figure) {
      const near = didYouMean(name, FIGURE_NAMES);
      throw flError('NF_QUALITY_GATE', {
        text,
        detail: `'${name}' is no figure${near === '' ? '' : `;${near}`}`,
      });
    }
    return { text: `${figure}${sign}${bound}`, figure, sign: sign as Sign, bound: Number(bound) };
  });
}

export function judge(images: readonly MeasuredImage[], gate: readonly Condition[]): Verdict {
  const undecided = gate.flatMap(({ text, figure }) => {
    const reasons = images.flatMap(({ figures }) => {
      const outcome = figures[figure];
      return typeof outcome === 'number' ? [] : [outcome.because];
    });
    const [first] = reasons;
    if (first === undefined) return [];
    return [
      { condition: text, images: reasons.length, all: reasons.length === images.length, because: first },
    ];
  });
  const failed = images.flatMap(({ file, figures }) =>
    gate.flatMap(({ text, figure, sign, bound }) => {
      const value = figures[figure];
      return typeof value === 'number' && SIGNS[sign](value, bound) ? [{ file, condition: text, value }] : [];
    }),
  );
  return { failed, undecided };
}
