import { showDetails } from './details.js';
import { ImageList } from './list.js';
import { PLANES, VolumeView } from './volume.js';

const at = (id) => document.getElementById(id);

/** Elements that tell of one image. */
const parts = {
  title: at('title'),
  fault: at('fault'),
  tools: at('tools'),
  picture: at('picture'),
  loading: at('loading'),
  heat: at('heat'),
};
/** Masks that were switched off, by their names: they stay off from image to image. */
const off = new Set();
let volumes;
/** Counts what was asked to be shown: an answer that comes late is dropped. */
let shown = 0;

await begin();

async function begin() {
  // The token came in the address; from here on it is in a cookie, and nobody reads it off the screen.
  history.replaceState(null, '', './');
  const list = await fetch('list').then(answerOf, () => ({
    fault: 'The viewer has ended: start it again.',
  }));
  if (list.fault) return tellFault(list.fault);
  document.title = `${list.name} · neuroflare`;
  at('name').textContent = list.name;
  at('run').textContent = list.run === null ? '' : `Run ${list.run}`;
  at('notes').replaceChildren(...list.notes.map((note) => withText('li', note)));
  const images = new ImageList(
    { list: at('list'), search: at('search'), found: at('found') },
    list.subjects,
    show,
  );
  addPlanes();
  at('strength').addEventListener('input', () => volumes?.setStrength(strength()));
  at('frame').addEventListener('input', () => showFrame(Number(at('frame').value)));
  document.addEventListener('keydown', (event) => onKey(event, images));
  images.choose(0);
}

/** What a request brought, or why it brought nothing in the words of the viewer. */
async function answerOf(response) {
  const answer = await response.json();
  return response.ok ? answer : { fault: `${answer.message} ${answer.hint}` };
}

async function show({ subject, image }) {
  const turn = ++shown;
  parts.title.textContent = image.path;
  parts.fault.hidden = true;
  showDetails(at('details'), subject, image);
  parts.heat.hidden = subject.heat === null;
  if (subject.heat !== null) {
    at('heat-picture').src = subject.heat;
    at('heat-picture').alt = `${subject.id}: picture and heat map`;
  }
  const isPicture = image.kind === 'picture';
  parts.tools.hidden = isPicture;
  parts.picture.hidden = !isPicture;
  at('volume-of').hidden = isPicture;
  at('place').textContent = '';
  if (isPicture) {
    parts.picture.alt = image.path;
    parts.picture.onerror = () =>
      tellFault('This picture cannot be drawn: neuroflare preprocess check says what is wrong with it.');
    parts.picture.src = image.address;
    return;
  }
  const masks = subject.masks.filter(
    ({ session }) => session === null || image.session === null || session === image.session,
  );
  addMasks(masks);
  parts.loading.hidden = false;
  try {
    volumes ??= await VolumeView.open(at('volume'), (text) => {
      at('place').textContent = text;
    });
    if (turn !== shown) return;
    const frames = await volumes.show(image, masks, ({ path }) => !off.has(nameOfMask(path)));
    if (turn !== shown) return;
    volumes.setStrength(strength());
    addFrames(frames);
  } catch (error) {
    if (turn === shown) tellFault(error.message);
  } finally {
    if (turn === shown) parts.loading.hidden = true;
  }
}

function tellFault(text) {
  parts.fault.textContent = text;
  parts.fault.hidden = false;
}

function addPlanes() {
  at('planes').replaceChildren(
    ...PLANES.map((name, index) => {
      const button = withText('button', name);
      button.type = 'button';
      button.addEventListener('click', () => choosePlanes(index));
      return button;
    }),
  );
  choosePlanes(0);
}

function choosePlanes(index) {
  for (const [own, button] of [...at('planes').children].entries())
    button.setAttribute('aria-pressed', String(own === index));
  VolumeView.planes = index;
  volumes?.setPlanes();
}

/** A box for each of the masks that lie over an image. */
function addMasks(masks) {
  at('strength-of').hidden = masks.length === 0;
  at('masks').replaceChildren(
    ...masks.map(({ path }) => {
      const name = nameOfMask(path);
      const label = withText('label', ` ${name}`);
      const box = document.createElement('input');
      box.type = 'checkbox';
      box.checked = !off.has(name);
      box.addEventListener('change', () => {
        if (box.checked) off.delete(name);
        else off.add(name);
        volumes?.setMask(path, box.checked);
      });
      label.title = path;
      label.prepend(box);
      return label;
    }),
  );
}

/** `lesion mask` of `derivatives/truth/sub-01/anat/sub-01_desc-lesion_mask.nii.gz`. */
function nameOfMask(path) {
  const [file] = path.split('/').slice(-1);
  const [, description = '', suffix = 'mask'] = /(?:desc-([^_]+)_)?([a-z]+)\.nii(?:\.gz)?$/.exec(file) ?? [];
  return [description, suffix].filter((word) => word !== '').join(' ');
}

function strength() {
  return Number(at('strength').value) / 100;
}

function addFrames(count) {
  at('frame-of').hidden = count < 2;
  at('frame').max = String(count - 1);
  at('frame').value = '0';
  at('frame-number').textContent = `1 of ${count}`;
}

function showFrame(number) {
  at('frame-number').textContent = `${number + 1} of ${Number(at('frame').max) + 1}`;
  volumes?.setFrame(number);
}

function onKey(event, images) {
  const isTyping = event.target instanceof HTMLInputElement && event.target.type === 'search';
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    if (event.target instanceof HTMLInputElement && event.target.type === 'range') return;
    images.move(event.key === 'ArrowDown' ? 1 : -1);
  } else if (isTyping && event.key === 'Escape') at('list').focus();
  else if (isTyping) return;
  else if (event.key === '/') at('search').focus();
  else if (event.key === 'm') for (const box of at('masks').querySelectorAll('input')) box.click();
  else if (/^[1-5]$/.test(event.key)) choosePlanes(Number(event.key) - 1);
  else return;
  event.preventDefault();
}

function withText(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}
