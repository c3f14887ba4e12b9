/** Height of a row in style.css, in pixels. */
const ROW = 56;
/** Rows beyond what is seen, so that a turn of the wheel shows no gap. */
const MORE = 6;
/** Nothing is loaded while somebody types. */
const PAUSE_MS = 150;

/** The images as a list with a search. Only rows that are seen are in the page: there may be ten thousands. */
export class ImageList {
  #elements;
  #rows;
  #found;
  #chosen = -1;
  #onChoose;
  #waiting;
  #inner = document.createElement('div');

  /**
   * @param elements the list box, the search field and the line that counts
   * @param subjects as the viewer lists them
   * @param onChoose is given subject and image
   */
  constructor(elements, subjects, onChoose) {
    this.#elements = elements;
    this.#onChoose = onChoose;
    this.#rows = subjects.flatMap((subject) =>
      subject.images.map((image) => ({ subject, image, text: searchText(subject, image) })),
    );
    this.#found = this.#rows;
    this.#inner.className = 'rows';
    this.#inner.setAttribute('role', 'presentation');
    elements.list.replaceChildren(this.#inner);
    elements.list.addEventListener('scroll', () => this.#draw());
    elements.search.addEventListener('input', () => this.#search());
    new ResizeObserver(() => this.#draw()).observe(elements.list);
    this.#count();
  }

  /** Shows an image by its place among those that were found. */
  choose(index) {
    const row = this.#found[index];
    if (!row) return;
    this.#chosen = index;
    const { list } = this.#elements;
    const top = index * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    this.#draw();
    this.#onChoose(row);
  }

  move(by) {
    this.choose(Math.min(this.#found.length - 1, Math.max(0, this.#chosen + by)));
  }

  #search() {
    const words = this.#elements.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    this.#found = this.#rows.filter(({ text }) => words.every((word) => text.includes(word)));
    this.#chosen = -1;
    this.#elements.list.scrollTop = 0;
    this.#count();
    this.#draw();
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.choose(0), PAUSE_MS);
  }

  #count() {
    const [found, all] = [this.#found.length, this.#rows.length];
    this.#elements.found.textContent = found === all ? `${all} images` : `${found} of ${all} images`;
  }

  #draw() {
    const { list } = this.#elements;
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - MORE);
    const last = Math.min(this.#found.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + MORE);
    this.#inner.style.height = `${this.#found.length * ROW}px`;
    this.#inner.replaceChildren(
      ...this.#found.slice(first, last).map((row, index) => this.#drawRow(row, first + index)),
    );
    if (this.#chosen >= first && this.#chosen < last)
      list.setAttribute('aria-activedescendant', `row-${this.#chosen}`);
    else list.removeAttribute('aria-activedescendant');
  }

  #drawRow({ subject, image }, index) {
    const row = document.createElement('div');
    row.id = `row-${index}`;
    row.className = 'row';
    row.setAttribute('role', 'option');
    row.setAttribute('aria-selected', String(index === this.#chosen));
    row.setAttribute('aria-setsize', String(this.#found.length));
    row.setAttribute('aria-posinset', String(index + 1));
    row.style.top = `${index * ROW}px`;
    const told = [subject.label, subject.site, subject.part].filter((text) => text !== null).join(' · ');
    row.append(line('what', shortName(subject, image)), line('told', told));
    if (subject.predicted !== null) row.append(verdict(subject));
    row.addEventListener('click', () => this.choose(index));
    return row;
  }
}

/** Whether the run's model was right about a subject; undefined where nobody knows. */
export function isRight({ label, predicted }) {
  return label === null || predicted === null ? undefined : label === predicted;
}

/** Probability of the class that was predicted, in percent; undefined where it is not told. */
export function percentOf({ predicted, probabilities }) {
  const found = probabilities.find(([label]) => label === predicted);
  return found && Math.round(100 * found[1]);
}

function verdict(subject) {
  const right = isRight(subject);
  const percent = percentOf(subject);
  const text = `${right === false ? '✗' : right ? '✓' : '?'} ${subject.predicted}${percent === undefined ? '' : ` ${percent} %`}`;
  return line(`verdict ${right === false ? 'wrong' : 'right'}`, text);
}

/** Names begin with the subject, which is told once. */
function shortName({ id }, { path }) {
  const [file] = path.split('/').slice(-1);
  const [, derivative] = /^derivatives\/([^/]+)\//.exec(path) ?? [];
  const rest = file.startsWith(`${id}_`) ? file.slice(id.length + 1) : file;
  return `${id} ${rest.replace(/\.nii(\.gz)?$/, '')}${derivative ? ` (${derivative})` : ''}`;
}

function searchText(subject, { path }) {
  const right = isRight(subject);
  const verdict = right === undefined ? '' : right ? 'right' : 'wrong';
  const { label, site, part, predicted } = subject;
  return [path, label, site, part, predicted, verdict].join(' ').toLowerCase();
}

function line(name, text) {
  const element = document.createElement('span');
  element.className = name;
  element.textContent = text;
  return element;
}
