const told = new Set<string>();

/** What a reader of results should know of a site's data, in the log of the site; not again by each task of a thread. */
export function tellOnce(site: string, notes: readonly string[]): void {
  for (const note of notes) if (!told.has(`${site} ${note}`)) console.warn(`note: ${note}`);
  for (const note of notes) told.add(`${site} ${note}`);
}
