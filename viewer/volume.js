const { Niivue, NVImage, SHOW_RENDER, SLICE_TYPE } = globalThis.niivue;

/** How a volume can be looked at, in the order of the keys 1 to 5. */
export const PLANES = ['All planes', 'Axial', 'Coronal', 'Sagittal', '3-D'];
const TYPES = [
  SLICE_TYPE.MULTIPLANAR,
  SLICE_TYPE.AXIAL,
  SLICE_TYPE.CORONAL,
  SLICE_TYPE.SAGITTAL,
  SLICE_TYPE.RENDER,
];
const MASK_COLOURS = ['red', 'green', 'blue', 'warm', 'cool', 'violet'];

/** NiiVue on a canvas, with one volume and the masks over it. */
export class VolumeView {
  /** Place in PLANES; kept from image to image. */
  static planes = 0;

  #viewer;
  #masks = new Map();
  #isFlat = false;
  #strength = 0.5;
  /** Images are taken in one after another: the viewer has one list of volumes. */
  #last = Promise.resolve();
  #wanted;

  constructor(viewer) {
    this.#viewer = viewer;
  }

  /** @param onPlace is told where the cross stands and what lies there @throws in words for people */
  static async open(canvas, onPlace) {
    if (!document.createElement('canvas').getContext('webgl2'))
      throw new Error(
        'This browser has no WebGL 2, which volumes need: take another one, or allow it there.',
      );
    const viewer = new Niivue({
      backColor: [0, 0, 0, 1],
      crosshairColor: [0.95, 0.65, 0.2, 0.8],
      crosshairWidth: 0.3,
      crosshairWidthUnit: 'percent',
      fontColor: [0.8, 0.84, 0.9, 1],
      // Without a graphics card the rendering takes seconds: it is shown where it is asked for.
      multiplanarShowRender: SHOW_RENDER.NEVER,
      dragAndDropEnabled: false,
      loadingText: '',
      logLevel: 'error',
      isColorbar: false,
    });
    viewer.onLocationChange = ({ string }) => onPlace(string ?? '');
    await viewer.attachToCanvas(canvas);
    return new VolumeView(viewer);
  }

  /**
   * @param image the volume @param masks over it @param isOn whether a mask is seen
   * @returns how many volumes a series has @throws in words for people
   */
  show(image, masks, isOn) {
    this.#wanted = image;
    const turn = this.#last.then(() => (this.#wanted === image ? this.#take(image, masks, isOn) : 1));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #take(image, masks, isOn) {
    const volume = await volumeOf(image, { colormap: 'gray' });
    for (const old of [...this.#viewer.volumes]) this.#viewer.removeVolume(old);
    this.#masks = new Map();
    this.#viewer.addVolume(volume);
    const [, , , depth = 1] = volume.dimsRAS ?? [];
    this.#isFlat = depth === 1;
    for (const mask of masks) await this.#addMask(mask, isOn(mask));
    this.setPlanes();
    return volume.nFrame4D ?? 1;
  }

  async #addMask(mask, isOn) {
    const colormap = MASK_COLOURS[this.#masks.size % MASK_COLOURS.length];
    const opacity = isOn ? this.#strength : 0;
    const volume = await volumeOf(mask, { colormap, opacity, least: 0.5, most: 1 });
    this.#masks.set(mask.path, { volume, isOn });
    this.#viewer.addVolume(volume);
  }

  /** One plane for a picture of one slice, whatever was chosen. */
  setPlanes() {
    this.#viewer.setSliceType(this.#isFlat ? SLICE_TYPE.AXIAL : TYPES[VolumeView.planes]);
  }

  setStrength(share) {
    this.#strength = share;
    for (const mask of this.#masks.values()) this.#paint(mask);
  }

  setMask(path, isOn) {
    const mask = this.#masks.get(path);
    if (!mask) return;
    mask.isOn = isOn;
    this.#paint(mask);
  }

  #paint({ volume, isOn }) {
    const index = this.#viewer.volumes.indexOf(volume);
    if (index > 0) this.#viewer.setOpacity(index, isOn ? this.#strength : 0);
  }

  setFrame(number) {
    const [volume] = this.#viewer.volumes;
    if (volume) this.#viewer.setFrame4D(volume.id, number);
  }
}

async function volumeOf({ address, path }, { colormap, opacity = 1, least = Number.NaN, most = Number.NaN }) {
  const response = await fetch(address).catch(() => undefined);
  if (!response) throw new Error('The viewer has ended: start it again.');
  if (!response.ok) {
    const { message, hint } = await response.json();
    throw new Error(`${message} ${hint}`);
  }
  try {
    const bytes = await response.arrayBuffer();
    return await NVImage.new(bytes, `${path}.nii`, colormap, opacity, null, least, most);
  } catch (error) {
    throw new Error(`${path} cannot be drawn: neuroflare preprocess check says what is wrong with it.`, {
      cause: error,
    });
  }
}
