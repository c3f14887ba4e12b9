import type { DicomHeader, WalkedElement } from './header.ts';

/** What sort of thing a value of a header tells of a person, place or device. */
const KINDS = ['name', 'id', 'date', 'time', 'place', 'device', 'uid', 'text'] as const;
type Kind = (typeof KINDS)[number];

/** Elements that identify (PS3.15, table E.1-1), by what they hold; people's names, dates, times and UIDs are known by their representation, too. */
const TAGS: ReadonlyMap<string, Kind> = new Map(
  Object.entries({
    name: '0008,0090 0008,1048 0008,1050 0008,1060 0008,1070 0010,0010 0010,1001 0010,1005 0010,1060 0010,2297 0032,1032 0040,0006 0040,1010 0040,2008 0040,a075 0040,a123 0070,0084',
    id: '0008,0050 0010,0020 0010,1000 0010,1002 0010,1090 0010,1080 0020,0010 0032,1064 0038,0010 0040,0009 0040,0253 0040,1001 0040,2016 0040,2017 0010,0021 0010,0050 0012,0040 0012,0042',
    date: '0008,0012 0008,0020 0008,0021 0008,0022 0008,0023 0008,002a 0010,0030 0010,21d0 0018,1012 0018,1200 0032,0032 0032,1000 0032,1040 0032,1050 0038,0020 0038,0030 0040,0002 0040,0004 0040,0244 0040,0250 0040,2004 0040,a030',
    time: '0008,0013 0008,0030 0008,0031 0008,0032 0008,0033 0010,0032 0040,0245 0040,0251',
    place:
      '0008,0080 0008,0081 0008,0082 0008,0092 0008,0094 0008,1040 0010,1040 0010,2150 0010,2152 0010,2154 0010,2155 0008,0115 0038,0300 0038,0400 0040,0243 0040,0011 0012,0010 0012,0030',
    device:
      '0008,1010 0018,1000 0018,1002 0018,1003 0018,1007 0018,1008 0040,0001 0040,0010 0040,0241 0040,0242 0018,700a 0008,0055 0002,0016',
    uid: '0002,0003 0008,0018 0020,000d 0020,000e 0020,0052 0008,1155 0020,0200 0008,0014 0018,1002',
    text: '0010,4000 0020,4000 0032,4000 0010,21b0 0010,2180 0008,1080 0010,1010 0010,1020 0010,1030 0010,2160',
  } satisfies Record<Kind, string>).flatMap(([kind, tags]) =>
    tags.split(' ').map((tag) => [tag, kind as Kind] as const),
  ),
);
const BY_REPRESENTATION: ReadonlyMap<string, Kind> = new Map([
  ['PN', 'name'],
  ['DA', 'date'],
  ['DT', 'date'],
  ['TM', 'time'],
]);

/** Of these words one alone tells of nobody. */
const COMMON =
  /^(the|and|for|von|van|der|den|del|dos|mr|mrs|ms|dr|prof|md|phd|unknown|unnamed|anonymous|anonymized|anonymised|none|other|test|siemens|philips|general|electric|ge|canon|toshiba|hitachi|united|imaging|bruker|healthcare|healthineers|medical|systems?|hospital|clinic|klinik|klinikum|university|universit\S*|institute?|department|dept|radiology|radiologie|cent(er|re)|health|mri?|ct|research|street|road|avenue|head|brain)$/i;

/** The words and texts that no output may hold, gathered from all headers of an import; kept in memory alone. */
export class Identifiers {
  /** Lower-case words that identify by themselves, with the tag that they came from. */
  readonly #words = new Map<string, string>();
  readonly #seen = new Set<string>();
  /** Of words that are looked for within others. */
  readonly #lengths = new Set<number>();
  /** Elements that were found, by tag: for the report of what was taken out. */
  readonly counts = new Map<string, number>();

  add(header: DicomHeader): void {
    header.walk((element) => this.#addElement(element));
  }

  #addElement({ tag, vr, texts }: WalkedElement): void {
    const kind = TAGS.get(tag) ?? BY_REPRESENTATION.get(vr ?? '');
    const isPrivate = Number.parseInt(tag.slice(0, 4), 16) % 2 === 1;
    if (kind === undefined && !isPrivate) return;
    const counted = kind === undefined ? 'private' : tag;
    this.counts.set(counted, (this.counts.get(counted) ?? 0) + 1);
    if (kind === undefined || kind === 'time' || kind === 'text' || kind === 'uid') return;
    for (const value of texts()) this.#addValue(value, { tag, kind });
  }

  #addValue(whole: string, { tag, kind }: { tag: string; kind: Kind }): void {
    const value = whole.slice(0, MOST_VALUE);
    const seen = `${kind} ${value}`;
    if (value === '' || this.#seen.has(seen)) return;
    this.#seen.add(seen);
    const words = kind === 'date' ? dateForms(value) : wordsOf(value, kind);
    for (const word of new Set(words.flatMap(spellings))) {
      if (this.#words.has(word)) continue;
      this.#words.set(word, tag);
      if (word.length >= LEAST_WITHIN) this.#lengths.add(word.length);
    }
  }

  /** The tag whose value stands in a text, as a word of it or within one; undefined where the text holds none. */
  tagIn(text: string): string | undefined {
    return LOOKS_UID.test(text) ? 'UID' : (this.#match(text)[0] ?? this.#match(withoutMarks(text))[0])?.tag;
  }

  /**
   * The text with what identifies, and what looks as if it did, replaced by `…`; of a text that is longer than any name of a scan nothing is left. Where a
   * name stands in it in other letters (Müller for MULLER), its letters lose their marks.
   */
  scrub(text: string): string {
    if (text.length > MOST_SHOWN) return '…';
    const plain = text.normalize('NFC').replace(LOOKS_PRIVATE, '…');
    const bare = withoutMarks(plain);
    let clean = this.#match(bare).length > this.#match(plain).length ? bare : plain;
    for (const { word } of this.#match(clean)) {
      const own = escaped(word);
      const alone = `(?<![\\p{L}\\p{N}])${own}(?![\\p{L}\\p{N}])`;
      clean = clean.replace(new RegExp(word.length < LEAST_WITHIN ? alone : own, 'giu'), '…');
    }
    return clean.replace(/…(?:[\s_^,.-]*…)+/g, '…').trim();
  }

  #match(text: string): { word: string; tag: string }[] {
    const lower = folded(text);
    const candidates = new Set([lower, ...wordsIn(lower)]);
    // Names run together with other words, or of several words: those that are long enough to be no chance.
    for (const length of this.#lengths) {
      for (let start = 0; start + length <= lower.length; start++)
        candidates.add(lower.slice(start, start + length));
    }
    const found = [...candidates].flatMap((word) => {
      const tag = this.#words.get(word);
      return tag === undefined ? [] : [{ word, tag }];
    });
    return found.sort((a, b) => b.word.length - a.word.length);
  }
}

/** A word of so many letters is found within other words as well. */
const LEAST_WITHIN = 5;
/** Dates as people write them, long numbers, addresses of mail: whoever they are of. */
const LOOKS_PRIVATE =
  /\d{6,}|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}|\d{1,2}[-. ]?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-. ]?\d{2,4}|\S+@\S+/giu;

const LOOKS_UID = /\d(?:\.\d+){6}/;
/** Characters that are looked at of one value: what PS3.5 lets a name, an id or an address have is shorter. */
const MOST_VALUE = 4096;
/** Four times of what a description may have (PS3.5, 6.2: LO). */
const MOST_SHOWN = 256;

function folded(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

/** Letters without what stands above and below them. */
function withoutMarks(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .normalize('NFC')
    .replace(/[ßøæłđ]/giu, (letter) => PLAIN_LETTERS[letter.toLowerCase()] ?? letter);
}

/** Letters of which Unicode takes no marks away. */
const PLAIN_LETTERS: Readonly<Record<string, string>> = { ß: 'ss', ø: 'o', æ: 'ae', ł: 'l', đ: 'd' };
/** What German and Nordic names become where a keyboard or an archive has no such letters. */
const WRITTEN_OUT: Readonly<Record<string, string>> = {
  ä: 'ae',
  ö: 'oe',
  ü: 'ue',
  ø: 'oe',
  å: 'aa',
  ß: 'ss',
  æ: 'ae',
};

/** A word as it stands, without marks, and written out; and of one that is written out, with the letter that it may stand for. */
function spellings(word: string): string[] {
  const out = word.replace(/[äöüøåßæ]/gu, (letter) => WRITTEN_OUT[letter] ?? letter);
  const back = word.replace(/([aou])e/gu, '$1');
  return [word, withoutMarks(word), withoutMarks(out), ...(back.length >= LEAST_WITHIN ? [back] : [])];
}

function wordsIn(text: string): string[] {
  return text.split(/[^\p{L}\p{M}\p{N}]+/u).filter((word) => word !== '');
}

/** Fewer letters say nothing by themselves: `1` is the id of a study everywhere. */
const LEAST: Readonly<Record<string, number>> = { name: 2, id: 3, place: 3, device: 3 };

/** A whole value, and each word of it that tells of somebody by itself. */
function wordsOf(value: string, kind: Kind): string[] {
  const whole = folded(value);
  const parts = kind === 'name' ? namesIn(whole) : kind === 'id' ? [] : wordsIn(whole);
  const least = LEAST[kind] ?? 3;
  return [whole, ...parts].filter((word) => [...word].length >= least && !COMMON.test(word));
}

/** Family, given and middle name of each way of writing (PS3.5, 6.2.1), and both orders of the first two without a gap. */
function namesIn(value: string): string[] {
  return value.split('=').flatMap((group) => {
    const parts = group.split('^').slice(0, 3);
    const [family = '', given = ''] = parts;
    const joined =
      family !== '' && given !== '' ? [`${family}${given}`, `${given}${family}`, `${given} ${family}`] : [];
    return [...parts.flatMap(wordsIn), ...joined];
  });
}

/** The forms in which a date of a header may stand elsewhere. */
function dateForms(value: string): string[] {
  const [, year, month, day] = /^(\d{4})\.?(\d{2})\.?(\d{2})/.exec(value) ?? [];
  if (year === undefined || month === undefined || day === undefined) return [];
  return [
    `${year}${month}${day}`,
    `${year}-${month}-${day}`,
    `${day}.${month}.${year}`,
    `${month}/${day}/${year}`,
    `${day}/${month}/${year}`,
  ];
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
