/** What a text says as JSON, or undefined where it is none: for texts that others may have cut or changed. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
