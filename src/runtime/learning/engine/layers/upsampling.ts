import { layers } from '@tensorflow/tfjs-layers';
import { tf } from '../tfjs.ts';

type Shape = tf.Tensor['shape'];

/**
 * Each pixel of [N, H, W, C], or voxel of [N, D, H, W, C], becomes a block of equal ones with sides of 2: PyTorch's `Upsample(scale_factor=2)`. tfjs
 * has it for images alone.
 */
export class Upsampling extends layers.Layer {
  static readonly className = 'Upsampling';

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const shape = [inputShape].flat(2) as Shape;
    return shape.map((size, axis) => (axis === 0 || axis === shape.length - 1 ? size : size * 2));
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [x] = [inputs].flat();
    if (!x) throw new Error(`${this.name} was given nothing`);
    return x.rank === 4 ? ofImages(x as tf.Tensor4D) : ofVolumes(x);
  }
}

tf.serialization.registerClass(Upsampling);

function ofImages(x: tf.Tensor4D): tf.Tensor {
  const [, height, width] = x.shape;
  return tf.image.resizeNearestNeighbor(x, [2 * height, 2 * width]);
}

/**
 * As images: rows of all planes one below the other, in which each row and column is repeated; then each plane as one long row. Axes are only
 * joined with their neighbours, so that no value changes its place.
 */
function ofVolumes(x: tf.Tensor): tf.Tensor {
  const [batch = 1, depth = 1, height = 1, width = 1, channels = 1] = x.shape;
  const planes = tf.image.resizeNearestNeighbor(
    tf.reshape(x, [batch, depth * height, width, channels]) as tf.Tensor4D,
    [2 * depth * height, 2 * width],
  );
  const flat = tf.reshape(planes, [batch, depth, 4 * height * width, channels]) as tf.Tensor4D;
  const both = tf.image.resizeNearestNeighbor(flat, [2 * depth, 4 * height * width]);
  return tf.reshape(both, [batch, 2 * depth, 2 * height, 2 * width, channels]);
}
