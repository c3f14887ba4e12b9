import type { DicomElements } from './header.ts';

/** What is the same in all files of one person: date of birth and sex. */
const TAGS = ['0010,0030', '0010,0040'];
/** Sex of whom it is not known. */
const OTHER = 'O';

/** Whether files under one patient id are of several people. One value a patient and tag is kept, however many there are. */
export class Persons {
  readonly #said = new Map<string, Map<string, string>>();
  readonly #several = new Set<string>();

  note(patient: string, header: Pick<DicomElements, 'text'>): void {
    const said = this.#said.get(patient) ?? new Map<string, string>();
    this.#said.set(patient, said);
    for (const tag of TAGS) {
      const value = header.text(tag);
      if (value === undefined || value === OTHER) continue;
      if (!said.has(tag)) said.set(tag, value);
      else if (said.get(tag) !== value) this.#several.add(patient);
    }
  }

  areSeveral(patient: string): boolean {
    return this.#several.has(patient);
  }
}
