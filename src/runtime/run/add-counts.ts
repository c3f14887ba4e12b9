import type { MetricReport } from '../base/logging/metrics.ts';
import { sum } from '../base/sum.ts';
import type { Counted, Weighted } from './statistics.ts';

/** Counts of a site, and how much of them is taken: all where it is 1. */
export interface TakenCounts {
  readonly counted: Counted;
  readonly share: number;
}

/** The figures of counts that were added up; sites count the same (`formOf`). What no site defines is null, with the reason. */
export function figuresOf(taken: readonly TakenCounts[]): MetricReport {
  const form = taken[0]?.counted;
  if (!form) return {};
  const reasons: Record<string, string> = {};
  const examples = sum(taken.map(({ counted, share }) => counted.examples * share));
  const means = mapped(form.means, (_, name) => {
    const { sum: total, weight } = added(taken, ({ means: own }) => own[name]);
    if (weight > 0) return total / weight;
    reasons[name] = examples > 0 ? 'no site gives it' : 'no examples';
    return null;
  });
  const groups = mapped(form.groups, ({ over }, name) => {
    const shares = form.alike[over]?.map((of, at) => [of, shareOf(taken, { name, at })] as const) ?? [];
    for (const [of, share] of shares) if (share === null) reasons[`${name}.${of}`] = `no example of ${of}`;
    return shares;
  });
  const macro = mapped(form.macro, (of, name) => {
    const shares = groups[of] ?? [];
    const missing = shares.flatMap(([group, share]) => (share === null ? [group] : []));
    if (missing.length > 0) reasons[name] = `no example of ${missing.join(', ')}`;
    const defined = shares.flatMap(([, share]) => share ?? []);
    return missing.length > 0 || defined.length === 0 ? null : sum(defined) / defined.length;
  });
  return {
    ...means,
    ...macro,
    num_examples: examples,
    ...form.alike,
    ...mapped(form.tables, (_, name) => addedTables(taken, name)),
    ...mapped(groups, (shares) => Object.fromEntries(shares)),
    ...(Object.keys(reasons).length > 0 && { undefined_because: reasons }),
  };
}

/** What sites must have alike whose counts are added. */
export function formOf({ alike, means, groups, macro, tables }: Counted): string {
  const sizes = mapped(tables, (rows) => rows.map((row) => row.length));
  return JSON.stringify([alike, Object.keys(means).sort(), mapped(groups, ({ over }) => over), macro, sizes]);
}

function shareOf(taken: readonly TakenCounts[], { name, at }: { name: string; at: number }): number | null {
  const { sum: total, weight } = added(taken, ({ groups: { [name]: group } }) => ({
    sum: group?.sums[at] ?? 0,
    weight: group?.weights[at] ?? 0,
  }));
  return weight > 0 ? total / weight : null;
}

function added(taken: readonly TakenCounts[], of: (counted: Counted) => Weighted | undefined): Weighted {
  let [total, weights] = [0, 0];
  for (const { counted, share } of taken) {
    const own = of(counted);
    total += (own?.sum ?? 0) * share;
    weights += (own?.weight ?? 0) * share;
  }
  return { sum: total, weight: weights };
}

function addedTables(taken: readonly TakenCounts[], name: string): number[][] {
  const sums: number[][] = [];
  for (const { counted, share } of taken)
    counted.tables[name]?.forEach((row, at) => {
      const into = sums[at] ?? [];
      sums[at] = row.map((count, column) => (into[column] ?? 0) + count * share);
    });
  return sums;
}

function mapped<From, To>(
  map: Readonly<Record<string, From>>,
  change: (value: From, name: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value, name)]));
}
