import type { ErrorRow } from './row.ts';

/** What `preprocess check` finds, beside the NF_NIFTI_*, NF_BIDS_* and NF_SPLIT_* of what cannot be read at all. */
export const CHECK_ERRORS = {
  NF_CHECK_DESCRIPTION: {
    exit: 1,
    message: 'dataset_description.json {problem}.',
    hint: 'BIDS asks for a JSON object with Name and BIDSVersion.',
  },
  NF_CHECK_SIDECAR: {
    exit: 1,
    message: 'A sidecar is not usable: {problem}.',
    hint: 'Write it again as a JSON object, or remove it.',
  },
  NF_CHECK_IDENTIFYING: {
    exit: 1,
    message: 'The sidecar names what may identify a person or a place: {keys}.',
    hint: 'Remove these keys before the data leave the site.',
  },
  NF_CHECK_GZIP_HEADER: {
    exit: 1,
    message: 'The gzip header keeps {what}, which can tell of a person.',
    hint: "Compress the file again without name and time ('gzip -n').",
  },
  NF_CHECK_BOTH: {
    exit: 1,
    message: 'The image is there twice, as .nii and as .nii.gz.',
    hint: 'Remove one of them: which is meant cannot be known.',
  },
  NF_CHECK_NO_TABLE: {
    exit: 1,
    message:
      'There is no participants.tsv, so that no class is known of the {count|subject|subjects} that have a folder. BIDS does not ask for the table; training does.',
    hint: 'Write participants.tsv with the columns participant_id and diagnosis, apart by tabs.',
  },
  NF_CHECK_NO_LABELS: {
    exit: 1,
    message: 'No image has a class: {what}',
    hint: 'Name the column that holds the classes by --label-column (and the table by --labels), or add one that is called diagnosis.',
  },
  NF_CHECK_ONE_CLASS: {
    exit: 1,
    message: 'All participants who may be used have the class {label}.',
    hint: 'Nothing can be learnt from one class, unless other sites have the rest.',
  },
  NF_CHECK_SEVERAL_IMAGES: {
    exit: 1,
    message:
      '{count|subject has|subjects have} more than one {what}, which are all used under one label; {participant} first: {images}.',
    hint: 'Look whether they are sessions, runs or other forms of one scan, and choose by --one-per and --filter.',
  },
  NF_CHECK_SESSION: {
    exit: 1,
    message: 'The name of the image does not fit its folder: it should begin with {prefix}.',
    hint: 'Rename the file, or move it into the folder of its session.',
  },
  NF_CHECK_NO_ROW: {
    exit: 1,
    message: 'The folder {participant} has no row in participants.tsv, so its images are never used.',
    hint: 'Add the row, or remove the folder.',
  },
  NF_CHECK_LABEL: {
    exit: 1,
    message:
      "The diagnosis '{label}' of {participant} is not among the Levels of participants.json: {known}.",
    hint: 'Correct the cell, or add the level.',
  },
  NF_CHECK_LABEL_BLANKS: {
    exit: 1,
    message: "The label '{value}' ({lines}) has blanks or quotes around it, and is read as '{label}'.",
    hint: 'Correct the table, so that other tools read the same.',
  },
  NF_CHECK_LABEL_CASE: {
    exit: 1,
    message: 'Labels differ by upper and lower case alone, and are classes of their own: {labels}.',
    hint: 'Merge them by --ignore-case or --label-map, or correct the table.',
  },
  NF_CHECK_LABEL_UNKNOWN: {
    exit: 1,
    message: "The label '{value}' ({lines}) says that nothing is known: such participants are left out.",
    hint: 'Write n/a, as BIDS does; if it is a class, name it in a --label-map.',
  },
  NF_CHECK_FLAG: {
    exit: 4,
    message: '--{flag} is for {what}, which {path} is not.',
    hint: 'Leave --{flag} out.',
  },
  NF_CHECK_INCOMPLETE: {
    exit: 1,
    message: '{count} left out, since they lack a channel: {named}.',
    hint: 'Add the images if they exist.',
  },
  NF_CHECK_UNLABELLED: {
    exit: 1,
    message:
      '{count|participant has no diagnosis and is|participants have no diagnosis and are} left out, {participant} first.',
    hint: 'Fill in the column, if they are to be used.',
  },
  NF_CHECK_TIME: {
    exit: 1,
    message: 'The image has more than three dimensions: {shape}.',
    hint: 'Take their mean by --volume mean, or one of them by its number: --volume 0.',
  },
  NF_CHECK_BLANK: {
    exit: 1,
    message: 'All voxels of the image have the same value, or nearly so.',
    hint: 'Convert the image again from its source, or set the participant aside.',
  },
  NF_CHECK_UNITS: {
    exit: 1,
    message: 'The unit of the voxel size is not said.',
    hint: 'Set xyzt_units in the header; millimetres are 2.',
  },
  NF_CHECK_FORMS: {
    exit: 1,
    message: 'The header contradicts itself about place and direction: {what}. The sform is used.',
    hint: "Find out which is right, by the scanner's own image, and write it into both: left and right may be exchanged in one.",
  },
  NF_CHECK_NO_FORM: {
    exit: 1,
    message:
      'Neither sform nor qform is set, so that left and right are not known; the first axis is taken to grow to the left, as other tools do.',
    hint: 'Convert the image again from its DICOM files, or set the sform, if left and right matter.',
  },
  NF_CHECK_VOXEL_SIZE: {
    exit: 1,
    message: 'Voxel sizes in pixdim are not positive: {sizes}. They count without sign, and 0 as 1.',
    hint: 'Write the right sizes into the header.',
  },
  NF_CHECK_QUATERNION: {
    exit: 1,
    message: 'The quaternion of the qform has the length {length}, more than any rotation has.',
    hint: 'Write the qform again, or convert the image again from its DICOM files: its directions may be wrong.',
  },
  NF_CHECK_OFFSET: {
    exit: 1,
    message: 'The header does not say where the voxels start (its offset is 0); they are read from byte 352.',
    hint: 'Write the offset into the header: 352, or more behind extensions.',
  },
  NF_CHECK_EXTENSION: {
    exit: 1,
    message: 'The header extension is not as NIfTI wants it: {what}. The voxels are read all the same.',
    hint: 'Write the file again without the extension, if nothing needs it.',
  },
  NF_CHECK_COPY: {
    exit: 1,
    message: '{participant} has the same voxels as {other}, and is not in one group with it.',
    hint: 'Set one of them aside (column set_aside), or give both one group_id, so that no split parts them.',
  },
  NF_CHECK_COPY_LABELS: {
    exit: 1,
    message:
      '{participant} has the same voxels as {other}, but is labelled {label} and the other {otherLabel}.',
    hint: 'One label is wrong: set both aside until it is known which.',
  },
  NF_CHECK_ALIKE: {
    exit: 1,
    message:
      '{count|pair of images stands|pairs of images stand} in different parts or sites of the split and are nearly the same, {participant} ({place}) and {other} ({otherPlace}) first.',
    hint: "They may be of one patient, and figures on the test part will be too good: write the pairs with 'neuroflare preprocess check BIDS --split FILE --links FILE', and split again with 'neuroflare preprocess split BIDS --links FILE'.",
  },
  NF_CHECK_ALIKE_GROUPS: {
    exit: 1,
    message:
      '{count|pair of images shows|pairs of images show} the same head, perhaps with another border, in different groups, {participant} and {other} first.',
    hint: "A split may part them: write the pairs with 'neuroflare preprocess check BIDS --links FILE', and split with 'neuroflare preprocess split BIDS --links FILE'.",
  },
  NF_CHECK_ALIKE_LABELS: {
    exit: 1,
    message:
      '{participant} shows the same head as {other}, perhaps with another border, but is labelled {label} and the other {otherLabel}.',
    hint: 'Look at both. If they are one picture, one label is wrong: set both aside until it is known which.',
  },
  NF_CHECK_MIRRORED: {
    exit: 1,
    message: '{other} looks like {one} with left and right exchanged.',
    hint: "If it is one picture, keep both on one side of a split: write the pairs with 'neuroflare preprocess check BIDS --links FILE', and split with 'neuroflare preprocess split BIDS --links FILE'.",
  },
  NF_CHECK_CLASS_MISSING: {
    exit: 1,
    message: 'The {part} part of {site} has no {classes}.',
    hint: 'Figures that need the class are undefined there; another split or alpha may give it some.',
  },
  NF_CHECK_CLASS_FEW: {
    exit: 1,
    message: '{site} trains on {count} of {label}, fewer than {least}.',
    hint: 'Expect an unsteady recall of this class there. Of so few people no sum leaves the site to harmonise pictures (workflow.harmonisation).',
  },
  NF_CHECK_SITES_DIFFER: {
    exit: 1,
    message:
      '{site} differs from the other sites in {quality}: Kolmogorov-Smirnov distance {distance}, chance stays under {bound}.',
    hint: "Averaging may suffer: read the figures of each site in the report, and compare the workflow fedprox with fedavg. Volumes of unlike scanners are brought to one form by 'neuroflare preprocess volumes'; what scanners do to greys is taken out in a job by workflow.harmonisation.",
  },
  NF_CHECK_LABELS_DIFFER: {
    exit: 1,
    message: 'The class shares of {site} are {distance} away from those of all sites (total variation).',
    hint: 'Averaging may suffer: read the figures of each site in the report, and compare the workflow fedprox with fedavg.',
  },
  NF_CHECK_SHORTCUT: {
    exit: 1,
    message: '{control} alone reaches {reached} % balanced accuracy where chance is {chance} %: {sees}.',
    hint: '{remedy}',
  },
  NF_CHECK_FORMULA: {
    exit: 1,
    message:
      "{count|cell of the table begins|cells of the table begin} as a spreadsheet's formula does, in {columns}; the first is '{value}'.",
    hint: 'Do not open the table in a spreadsheet by a double click: import it with all columns as text, or have who made it give other names. neuroflare computes nothing from it.',
  },
  NF_CHECK_IMAGE: {
    exit: 1,
    message: 'The image cannot be used: {reason}, {detail}.',
    hint: "Repair or remove it; 'neuroflare preprocess bids --skip-bad' leaves it out.",
  },
  NF_CHECK_COPIES: {
    exit: 1,
    message: '{count|image is an exact copy of another|images are exact copies of others}.',
    hint: "'neuroflare preprocess bids' sets them aside and lists them in participants.tsv.",
  },
  NF_CHECK_CONFLICT: {
    exit: 1,
    message: 'One image stands under two labels, {labels}: {files}.',
    hint: "'neuroflare preprocess bids' sets its group aside; correct the source if it is known which label is right.",
  },
  NF_CHECK_CONTROLS: {
    exit: 1,
    message: 'The shortcut controls were not run: {reason}.',
    hint: 'Without --no-controls they run where at least two classes have ten usable images each.',
  },
} as const satisfies Record<string, ErrorRow>;
