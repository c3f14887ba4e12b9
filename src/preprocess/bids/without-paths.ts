/** A message about files without their paths, which may name a person: the fault names the line of the table, or the path in the source. */
export function withoutPaths(message: string, files: readonly string[]): string {
  const longestFirst = files.toSorted((a, b) => b.length - a.length);
  const text = longestFirst.reduce((left, file) => left.replaceAll(file, 'the file'), message);
  return text.replace(/\.$/, '');
}
