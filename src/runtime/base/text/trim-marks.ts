/**
 * A text without the marks of `marks` at its end. Letter by letter: a pattern such as `/x+$/` begins anew at each mark of a long run that is not the end,
 * which takes the square of its length.
 */
export function trimEndOf(text: string, marks: string): string {
  let end = text.length;
  while (end > 0 && marks.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** As `trimEndOf`, for the beginning. */
export function trimStartOf(text: string, marks: string): string {
  let start = 0;
  while (start < text.length && marks.includes(text.charAt(start))) start++;
  return text.slice(start);
}
