/** Defined terms of Specific Character Set (PS3.3, C.12.1.1.2) and how Node.js calls what they name. */
const ENCODINGS: ReadonlyMap<string, string> = new Map([
  ['ISO_IR 100', 'iso-8859-1'],
  ['ISO_IR 101', 'iso-8859-2'],
  ['ISO_IR 109', 'iso-8859-3'],
  ['ISO_IR 110', 'iso-8859-4'],
  ['ISO_IR 144', 'iso-8859-5'],
  ['ISO_IR 127', 'iso-8859-6'],
  ['ISO_IR 126', 'iso-8859-7'],
  ['ISO_IR 138', 'iso-8859-8'],
  ['ISO_IR 148', 'windows-1254'],
  ['ISO_IR 166', 'windows-874'],
  ['ISO_IR 13', 'shift_jis'],
  ['ISO_IR 192', 'utf-8'],
  ['GB18030', 'gb18030'],
  ['GBK', 'gbk'],
  ['ISO 2022 IR 87', 'iso-2022-jp'],
  ['ISO 2022 IR 159', 'iso-2022-jp'],
  ['ISO 2022 IR 149', 'euc-kr'],
  ['ISO 2022 IR 58', 'gb18030'],
]);

/** Escape sequences that announce a character set; `iso-2022-jp` reads its own. */
const ESCAPES = /\x1b[$(),\-.][()]?[@-Z]/g;

/**
 * How the texts of a file are read. Of several character sets the first that is no plain ASCII counts.
 * @param terms value of (0008,0005) as it stands in the file; undefined for the default repertoire
 */
export function textDecoder(terms: string | undefined): (bytes: Uint8Array) => string {
  const names = (terms ?? '').split('\\').map((term) => term.trim());
  const found = names.map(
    (name) =>
      ENCODINGS.get(name.replace(/^ISO 2022 IR (?=1[0-4]\d|166|13$)/, 'ISO_IR ')) ?? ENCODINGS.get(name),
  );
  const encoding = found.find((name) => name !== undefined) ?? 'utf-8';
  const decoder = new TextDecoder(encoding);
  if (encoding === 'iso-2022-jp') return (bytes) => decoder.decode(bytes);
  return (bytes) => decoder.decode(bytes).replace(ESCAPES, '');
}
