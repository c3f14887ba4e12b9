import type { ErrorRow } from './row.ts';

/** Failures of models, data sets and training at a site. */
export const TRAIN_ERRORS = {
  NF_MODEL_UNKNOWN: {
    exit: 4,
    message: "Unknown model type '{type}'.{nearest}",
    hint: 'Use one of: {known}.',
  },
  NF_MODEL_KEY: {
    exit: 4,
    message: "Unknown key '{key}' in the model of type '{type}'.{nearest}",
    hint: 'Use keys among: {known}.',
  },
  NF_MODEL_INVALID: {
    exit: 4,
    message: 'Wrong model: {problem}.',
    hint: 'Correct it in the job; a whole one is {whole}.',
  },
  NF_MODEL_TASK: {
    exit: 4,
    message: 'The model {type} is one for {own}, and what is asked for is {task}.',
    hint: 'Set model.type to one for {task} ({fitting}), or data.task of the job to {own}.',
  },
  NF_MODEL_LABELS: {
    exit: 4,
    message: "The model's labels are [{model}], those of the masks [{masks}].",
    hint: 'Give both the same names: model.labels, in the order of the outputs, and data.masks.labels, with their values.',
  },
  NF_DATA_NOT_SPLIT: {
    exit: 4,
    message:
      "The data set is not split: there is no split.json, and participants.tsv has no column 'partition'.",
    hint: "Make a split with 'neuroflare preprocess split' and name it under data.split of the job.",
  },
  NF_DATA_SITE_UNKNOWN: {
    exit: 4,
    message: "The split has no part for '{site}'.{nearest}",
    hint: "Use one of its sites ({known}), or make a split for as many sites as the job has with 'neuroflare preprocess split'.",
  },
  NF_DATA_PARTITION: {
    exit: 4,
    message: "{participant} has the partition '{value}'.{nearest}",
    hint: 'Write train, validation, test or n/a (not used) in the column.',
  },
  NF_DATA_COLUMN: {
    exit: 4,
    message: "No column '{column}' with labels in {tables}.{nearest}",
    hint: 'Name the column that has them by --label-column (data.selection.label_column of a job), or add one with a class for each participant. Columns there are: {known}.',
  },
  NF_CHANNEL_GRID: {
    exit: 4,
    message: '{path} has another grid than {first}, the first channel: {difference}.',
    hint: "Put the channels onto one grid: 'neuroflare preprocess volumes' with the same --channel flags does it, with the first of them as reference.",
  },
  NF_DATA_SIDECAR: {
    exit: 4,
    message: 'participants.json holds no JSON object: {message}',
    hint: 'Correct the file; it describes the columns of participants.tsv.',
  },
  NF_DATA_LABEL_MISSING: {
    exit: 4,
    message: '{participant} has no diagnosis, but is used for training or testing.',
    hint: 'Fill in the diagnosis, or split again, which leaves subjects without one out.',
  },
  NF_DATA_LABEL_UNKNOWN: {
    exit: 4,
    message: "{participant} has the diagnosis '{label}', which is not among the classes.{nearest}",
    hint: 'Correct the diagnosis, or add the class under model.classes of the job (now: {known}).',
  },
  NF_DATA_EMPTY: {
    exit: 4,
    message: '{site} has no training images.',
    hint: 'Split again with fewer sites or a larger --alpha, or take the site out of the job.',
  },
  NF_DATA_IMAGE_TIME: {
    exit: 4,
    message: '{path} is a series of volumes ({shape}), not one.',
    hint: 'preprocess check and split take their mean by --volume mean, or one of them by its number: --volume 0 (data.selection.volume of a job). predict reads a series as its run did.',
  },
  NF_DATA_IMAGE_FLAT: {
    exit: 4,
    message: '{path} is a single slice ({shape}), and the model sees volumes.',
    hint: 'Take a model of pictures (leave model.dimensions out), or images of whole heads.',
  },
  NF_DATA_IMAGE_VOLUME: {
    exit: 4,
    message: '{path} has no volume {volume}: it has {count|volume|volumes}, counted from 0.',
    hint: 'Give a number that all images have, or --volume mean.',
  },
  NF_DATA_IMAGE_BLANK: {
    exit: 4,
    message: '{path} shows nothing: its voxels do not differ.',
    hint: 'Replace the image, or leave the subject out of the split.',
  },
  NF_DATA_IMAGE_CHANGED: {
    exit: 1,
    message: '{path} changed while it was in use.',
    hint: 'Leave the data set alone while a job runs, and run the job again.',
  },
  NF_TRAIN_OPTION: {
    exit: 4,
    message: "Training option '{name}': {problem}",
    hint: 'Correct it in the training script, or under executor.args of the job where the script reads it from there.',
  },
  NF_TRAIN_EMPTY: {
    exit: 4,
    message: 'There is nothing to train on: the set is empty.',
    hint: "Check the site's part of the split, or leave the site out of the job.",
  },
  NF_TRAIN_IMAGE_SIZE: {
    exit: 4,
    message: 'The model takes pictures of {model} pixels, the data set gives {data}.',
    hint: 'Pass the same size: openDataset(flare.data(), { imageSize: … }) and model.image_size of the job.',
  },
  NF_TRAIN_DIMENSIONS: {
    exit: 4,
    message: 'The model takes {model}, the data set gives {data}.',
    hint: 'Pass what the model says: openDataset(flare.data(), { dimensions: … }) with dimensions of flare.model().',
  },
  NF_MODEL_CHANNELS: {
    exit: 4,
    message: 'The model takes {model}, and an example of the data has {data}.',
    hint: 'Say it in the job, --set model.channels={count}, or choose as many images by --channel (data.selection.channels of a job).',
  },
  NF_TRAIN_CLASSES: {
    exit: 4,
    message: "The model's outputs are [{model}], the classes of the data set [{data}].",
    hint: "Pass the job's order to the data set: openDataset(flare.data(), { classes: flare.model().classes }).",
  },
  NF_TRAIN_PATCH: {
    exit: 4,
    message:
      'The model takes patches of {model} (voxels to superior, anterior, right), the data set gives {data}.',
    hint: 'Open the data for the model that is trained: openVolumes(flare.data(), { model: flare.model() }).',
  },
  NF_TRAIN_LABELS: {
    exit: 4,
    message: "The model's labels are [{model}], those of the data set [{data}].",
    hint: 'Open the data for the model that is trained: openVolumes(flare.data(), { model: flare.model() }).',
  },
  NF_DATA_PATCH: {
    exit: 4,
    message:
      '{path} has a size of {shape}, which is less than a patch of {patch} (voxels to right, anterior, superior).',
    hint: "Set a smaller model.patch_size, or bring all volumes to one size with 'neuroflare preprocess volumes' (step fit).",
  },
  NF_MASK_MISSING: {
    exit: 4,
    message: '{participant} has no mask of {image}: there is no {what}.',
    hint: 'Add the mask, say which masks are meant (data.masks of the job), or let images without one show no label: --set data.masks.missing=empty.',
  },
  NF_MASK_SEVERAL: {
    exit: 4,
    message: '{participant} has two masks of {image}: {first} and {second}.',
    hint: 'Say which is meant: data.masks.derivative, or data.masks.desc.',
  },
  NF_MASK_GRID: {
    exit: 4,
    message: '{path} has another grid than {image}, in which it was drawn: {difference}.',
    hint: 'Resample the mask onto the grid of its image (nearest neighbour), or replace it.',
  },
  NF_MASK_LABEL: {
    exit: 4,
    message: '{path} has {voxels} of {value}, which is no declared label.',
    hint: 'Declare the value under data.masks.labels of the job, or correct the mask. Declared: {declared}; 0 is background.',
  },
  NF_MASK_NONE: {
    exit: 4,
    message: '{site} has nothing to learn from: none of its {count} training masks shows a label ({what}).',
    hint: 'Check which masks are meant (data.masks of the job), split again, or take the site out of the job.',
  },
  NF_TRAIN_BATCH_SIZE: {
    exit: 4,
    message:
      'The trainer was compiled for batches of {compiled} and is given a data set with batches of {data}.',
    hint: 'Pass the largest batchSize to compile.',
  },
  NF_TRAIN_LOSS: {
    exit: 1,
    message: 'The loss became {loss} in epoch {epoch}, step {step}, at a learning rate of {learningRate}.',
    hint: 'Lower the learning rate; if the first step fails already, look at the images and the received parameters.',
  },
  NF_TRAIN_SCORE: {
    exit: 1,
    message: 'The model gives no finite score for {participant}.',
    hint: 'The parameters are broken: lower the learning rate, and check what the sites send.',
  },
  NF_IMPORT_FILE: {
    exit: 4,
    message: 'The parameters in {path} cannot be used: {reason}.',
    hint: "Give a file that 'neuroflare export' wrote for the same model: .onnx, .safetensors, or a folder with model.json.",
  },
  NF_BACKBONE_FILE: {
    exit: 4,
    message: 'The pretrained network {path} cannot be used: {reason}.',
    hint: 'docs/transfer.md tells how to make a file that can: an ONNX file of one graph, or safetensors of a known architecture.',
  },
  NF_BACKBONE_LAYER: {
    exit: 4,
    message: "There is no layer '{name}' in {path} to freeze up to: {known}.{nearest}",
    hint: 'Name under model.frozen_to the last layer that stays as it is.',
  },
  NF_BACKBONE_OPERATOR: {
    exit: 4,
    message:
      "The layer '{node}' of {path} is a {operator}, which is not supported in a frozen network.{nearest}",
    hint: 'Freeze up to a layer before it (model.frozen_to), or export the network without it.',
  },
  NF_BACKBONE_SHAPE: {
    exit: 4,
    message: 'The pretrained network {path} has another shape: {problem}.',
    hint: 'Correct the job, or export the network for such pictures.',
  },
  NF_BACKBONE_EXPORT: {
    exit: 4,
    message: 'A model on a pretrained network cannot be exported as {format}: {reason}.',
    hint: 'Export it as onnx, which holds the whole network, or as safetensors, which holds what was trained.',
  },
  NF_EXPORT_EXISTS: {
    exit: 4,
    message: '{path} exists already.',
    hint: 'Give another --out, or write over it with --force.',
  },
  NF_EXPORT_MODEL: {
    exit: 4,
    message:
      "The run's job names no model that can be rebuilt (model.type), only arrays or a script's own network.",
    hint: "Its parameters are the run's model.safetensors, in the script's own names and axes.",
  },
  NF_EXPORT_NONE: {
    exit: 4,
    message: 'The run {run} has no {which} model.',
    hint: 'A run keeps the initial model (--model 0), the best one and, once it has finished (neuroflare simulate JOB --resume), the final one.',
  },
  NF_TRAIN_NOT_COMPILED: {
    exit: 4,
    message: "The model '{name}' has no optimizer and no loss yet.",
    hint: "Call model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' }) before accelerate(model).",
  },
  NF_TFJS_PART: {
    exit: 4,
    message: '{name} is not in the TensorFlow.js that neuroflare brings: core, layers and the cpu backend.',
    hint: "Run 'npm install {$package}' beside the job and import it by that name; it then works with neuroflare's own core.",
  },
  NF_TRAIN_MODEL: {
    exit: 4,
    message:
      "The model '{name}' maps {found}, neither squares [n, size, size, channels] to logits [n, classes] nor patches [n, ..., channels] to logits [n, ..., labels].",
    hint: 'Build it with buildModel(flare.model()), or give a model with that input and output.',
  },
} as const satisfies Record<string, ErrorRow>;
