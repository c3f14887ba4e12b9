import type { ControlName } from '../learning/controls/controls.ts';
import { type Estimate, UNDEFINED } from '../statistics/figure.ts';
import type { ClassEvaluation } from './class-result.ts';

/** What an evaluation says of its figures, whether they are of images or of sums that sites told. */

type Figures = Readonly<Record<string, Estimate>>;

/** Without those of what the model is compared with, which have places of their own. */
export function ownFigures(figures: Figures): ClassEvaluation['figures'] {
  return Object.fromEntries(
    Object.entries(figures).filter(([name]) => !/^(lead\.)?(control|masked)\./.test(name)),
  );
}

export function describeClasses(
  figures: Figures,
  classes: readonly string[],
  subjects: (label: number) => number,
): ClassEvaluation['per_class'] {
  return classes.map((name, label) => ({
    class: name,
    subjects: subjects(label),
    recall: figures[`recall.${name}`] ?? UNDEFINED,
    auroc: figures[`auroc.${name}`] ?? UNDEFINED,
  }));
}

export function describeControl(figures: Figures, name: ControlName) {
  return {
    balanced_accuracy: figures[`control.${name}`] ?? UNDEFINED,
    lead: figures[`lead.control.${name}`] ?? UNDEFINED,
  };
}

/** Figures that are not there for want of a class. @param reason with the names of the classes */
export function undefinedBecause(
  perClass: ClassEvaluation['per_class'],
  reason: (missing: string) => string,
): ClassEvaluation['undefined_because'] {
  const missing = perClass.filter(({ subjects }) => subjects === 0).map(({ class: name }) => name);
  if (missing.length === 0) return {};
  const why = reason(missing.join(', '));
  const names = missing.flatMap((name) => [`recall.${name}`, `auroc.${name}`]);
  return Object.fromEntries(['balanced_accuracy', 'auroc', ...names].map((name) => [name, why]));
}

/** Every site has an accuracy, but only one with all classes a balanced one. */
export function worstOf(
  perSite: ClassEvaluation['per_site'],
  perClass: ClassEvaluation['per_class'],
): ClassEvaluation['worst'] {
  return {
    site: leastOf(perSite, ({ accuracy }) => accuracy.value)?.site ?? null,
    class: leastOf(perClass, ({ recall }) => recall.value)?.class ?? null,
  };
}

/** The item of the least value, of those that have one; of equals the first. */
function leastOf<T>(items: readonly T[], value: (item: T) => number | null): T | undefined {
  const known = items.flatMap((item) => {
    const own = value(item);
    return own === null ? [] : [{ item, own }];
  });
  return known.sort((a, b) => a.own - b.own)[0]?.item;
}
