/** Characters that no shell takes for anything but themselves. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/**
 * A word of a command that somebody is to copy into a shell: as it is where that is safe, else quoted (IEEE 1003.1, 2.2.2; on Windows in
 * double quotes, which its paths cannot hold). Whatever shows a command with a word of others goes through here.
 */
export function shellWord(word: string, platform: NodeJS.Platform = process.platform): string {
  if (platform === 'win32') return /^[\w@+=:,./\\-]+$/.test(word) ? word : `"${word.replaceAll('"', '""')}"`;
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
