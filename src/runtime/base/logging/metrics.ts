/** JSON whose numbers are finite; null stands for a figure that is undefined. */
export type MetricValue =
  | number
  | string
  | boolean
  | null
  | readonly MetricValue[]
  | { readonly [name: string]: MetricValue };

/** What a site reports of one model on its own data, by name. Only top-level numbers can be a key metric. */
export type MetricReport = Readonly<Record<string, MetricValue>>;
