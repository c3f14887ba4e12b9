import type { Heterogeneity } from '../preprocess/split/heterogeneity.ts';

/** How unlike sites are, in sentences: sizes, then what each thing that they differ in comes to. */
export function unlikenessLines({
  sites,
  sizes,
  unlikeness,
}: Omit<Heterogeneity, 'sites'> & { sites: readonly unknown[] }): string[] {
  if (sites.length < 2) return [];
  const { smallest, largest, effective_sites: equal } = sizes;
  return [
    `Sizes: ${smallest} to ${largest} images a site, as ${equal.toFixed(1)} sites of one size would have`,
    ...unlikeness.map(({ of, mean, largest: most, pair, information, entropy, by_chance: chance }) =>
      [
        `Unlike in ${of}: Jensen-Shannon distance ${mean.jensen_shannon.toFixed(2)} between two sites on average, ${most.jensen_shannon.toFixed(2)} at most (${pair.join(', ')})`,
        `Hellinger ${mean.hellinger.toFixed(2)}, EMD ${mean.emd.toFixed(2)}`,
        `the site tells ${information.toFixed(2)} of ${entropy.toFixed(2)} bits, by chance about ${chance.toFixed(2)}`,
      ].join('; '),
    ),
  ];
}
