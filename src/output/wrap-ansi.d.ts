declare module 'wrap-ansi' {
  /** Breaks a text into lines of at most `columns` columns; colours go on after a break. `hard` breaks words that are longer. */
  function wrapAnsi(text: string, columns: number, options?: { hard?: boolean; trim?: boolean }): string;
  export = wrapAnsi;
}
