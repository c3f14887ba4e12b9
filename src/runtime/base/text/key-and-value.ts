/** What stands before and behind the first `mark` of a line, without the blanks around them; undefined for a line without it. */
export function keyAndValue(line: string, mark: string): { key: string; value: string } | undefined {
  const at = line.indexOf(mark);
  return at === -1
    ? undefined
    : { key: line.slice(0, at).trim(), value: line.slice(at + mark.length).trim() };
}
