import type { ErrorRow } from './row.ts';

/** Failures of `preprocess bids` and `preprocess split`, and of reading what they wrote. */
export const PREPROCESS_ERRORS = {
  NF_BIDS_NOT_A_DATASET: {
    exit: 4,
    message: 'No BIDS data set at {path}: {missing} is missing.',
    hint: "Give the folder that holds dataset_description.json, or make one with 'neuroflare preprocess bids'.",
  },
  NF_BIDS_PARTICIPANTS: {
    exit: 4,
    message: '{table} is not usable: {detail}.',
    hint: 'Correct the line of the table that is named, or make the data set again.',
  },
  NF_BIDS_IMAGE_MISSING: {
    exit: 4,
    message: 'No {what} of {participant} under {path}.',
    hint: 'Add the image as BIDS names it, <participant>/anat/*_T1w.nii.gz, choose others by --suffix and --filter, or split again, which leaves such participants out.',
  },
  NF_BIDS_IMAGE_OUTSIDE: {
    exit: 4,
    message: 'The image {path} of {participant} is a link to a place outside the data set.',
    hint: 'Copy the image into the data set; links may only lead to files inside it.',
  },
  NF_BIDS_FILE_OUTSIDE: {
    exit: 4,
    message: '{path} is a link to a place outside the data set.',
    hint: 'Look where it leads. If it belongs to the data set, copy the file into it; links may only lead to files inside it.',
  },
  NF_BIDS_NO_TABLE: {
    exit: 4,
    message:
      'The BIDS data set {path} has no participants.tsv: BIDS does not ask for it, but the classes of its subjects are read from there.',
    hint: 'Write the table, with the columns participant_id and diagnosis, apart by tabs, or name another by --labels.',
  },
  NF_BIDS_IMAGE_OTHER: {
    exit: 4,
    message: '{path} lies in the folder of {participant}, but is named as an image of somebody else.',
    hint: 'Move the file into the folder of its own subject, or rename it if the folder is right.',
  },
  NF_BIDS_CONTENT_ABSENT: {
    exit: 4,
    message: '{file} is here by its name alone: its content was not fetched ({store}).',
    hint: 'Fetch it in the clone with {fetch}; all of a folder comes by its path.',
  },
  NF_BIDS_LINK: {
    exit: 4,
    message: '{path} is a link that {what}.',
    hint: 'Put the file there that is meant, or remove the link.',
  },
  NF_BIDS_PLACES: {
    exit: 4,
    message: 'The source {source} and the target {target} lie in one another.',
    hint: 'Choose a target folder beside the source.',
  },
  NF_PATH_EXISTS: {
    exit: 4,
    message: '{what} {path} exists already; nothing is overwritten.',
    hint: 'Choose another name, or remove it first.',
  },
  NF_BIDS_SOURCE_EMPTY: {
    exit: 4,
    message: 'No class folders in {path}.',
    hint: 'Give a folder that holds one folder of JPEG or PNG images for each class, or such folders under Training and Testing.',
  },
  NF_BIDS_CLASS_UNKNOWN: {
    exit: 4,
    message: "No label is known for the folder '{folder}'.{nearest}",
    hint: 'Known folders: {known}. For other names write a file with a line `folder: label` each and give it as --label-map; --exclude leaves a folder out. A folder of DICOM files is taken with --dicom-map, volumes with --table.',
  },
  NF_BIDS_CLASS_EMPTY: {
    exit: 4,
    message: "The class folder '{folder}' holds no images.",
    hint: 'Put its images there or remove the folder.',
  },
  NF_BIDS_ONE_CLASS: {
    exit: 4,
    message: 'All usable images have one label, {label}: there is nothing to tell apart.',
    hint: 'Give the folder above, which holds at least two class folders.',
  },
  NF_BIDS_LABEL_MAP: {
    exit: 4,
    message: 'The label map is not usable: {detail}.',
    hint: 'Write a YAML or JSON file of lines `folder: label`; a label is letters, digits, - and _, and begins with a letter.',
  },
  NF_BIDS_BAD_IMAGES: {
    exit: 4,
    message: '{count} of {total|file|files} cannot be used; nothing was written.',
    hint: 'Repair or remove the files listed, or add --skip-bad to set them aside.',
  },
  NF_BIDS_PICTURES_ONLY: {
    exit: 4,
    message: '--{flag} is for JPEG and PNG images; the source holds volumes, which are kept as they are.',
    hint: 'Leave --{flag} out.',
  },
  NF_BIDS_EXCLUDE: {
    exit: 4,
    message: "--exclude '{pattern}' leaves nothing out: nothing in {path} has such a name.",
    hint: 'Give the name of a folder or file, or its path in the source; * stands for any characters of a name.',
  },
  NF_BIDS_NO_LABELS: {
    exit: 4,
    message: 'Nothing says which class {count|case is|cases are} of in {path}.',
    hint: 'Give a table with a column of names of cases and one of labels as --table.',
  },
  NF_BIDS_CHALLENGE: {
    exit: 4,
    message: 'The folder is not laid out as its challenge says: {detail}.',
    hint: "Bring the folder into nnU-Net's form: dataset.json, imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz.",
  },
  NF_BIDS_FLAG_UNUSED: {
    exit: 4,
    message: '--{flag} has no effect here: {reason}.',
    hint: 'Leave --{flag} out.',
  },
  NF_TABLE_UNREADABLE: {
    exit: 4,
    message: 'The table is not usable: {detail}.',
    hint: 'Save it as text in UTF-8 with commas, semicolons or tabs between its cells, and names of columns in its first line.',
  },
  NF_TABLE_COLUMN: {
    exit: 4,
    message: 'The table leaves open which column is which. {detail}',
    hint: 'Name them with {flags}. The table has these columns: {known}.',
  },
  NF_TABLE_ROWS: {
    exit: 4,
    message: '{count|row|rows} of the table cannot be used; nothing was written.',
    hint: 'Correct the lines listed.',
  },
  NF_BIDS_THRESHOLD: {
    exit: 4,
    message: "'{value}' is not a correlation: --group-threshold takes a number over 0 and at most 1.",
    hint: 'Use 0.90, or 0.95 and 0.99 to see how much the grouping matters.',
  },
  NF_SPLIT_NUMBER: {
    exit: 4,
    message: "'{value}' does not fit --{flag}: {range} is wanted.",
    hint: 'Give a number in that range.',
  },
  NF_SPLIT_LINKS: {
    exit: 4,
    message: 'The table of links is not usable: {detail}',
    hint: "Give a table of tab-separated columns participant_id and other_id, as 'neuroflare preprocess check BIDS --links FILE' writes it for this data set.",
  },
  NF_SPLIT_UNUSED: {
    exit: 4,
    message: '--{flag} has no effect with --strategy {actual}.',
    hint: 'It belongs to --strategy {strategies}; else leave --{flag} out.',
  },
  NF_SPLIT_OTHER: {
    exit: 4,
    message: 'Another split is at {path} already; runs may depend on it.',
    hint: 'Choose another --out, or remove the file first.',
  },
  NF_SPLIT_SHARES: {
    exit: 4,
    message: '--validation {validation} and --test {test} leave nothing to train on.',
    hint: 'Choose shares whose sum is below 1, such as 0.15 and 0.15.',
  },
  NF_SPLIT_COLUMN: {
    exit: 4,
    message: "participants.tsv has no column '{column}'.{nearest}",
    hint: 'Its columns: {known}.',
  },
  NF_SPLIT_NOTHING: {
    exit: 4,
    message: 'No participant of {path} has a diagnosis and is not set aside.',
    hint: "Fill the column 'diagnosis' of participants.tsv.",
  },
  NF_SPLIT_TOO_MANY_SITES: {
    exit: 4,
    message:
      '{sites|site|sites} with at least {wanted|group|groups} each are more than the {groups|group|groups} of images, and a group cannot be divided.',
    hint: 'Ask for fewer sites, or for fewer groups at each with --min-groups.',
  },
  NF_SPLIT_SITES_UNEVEN: {
    exit: 4,
    message: 'In {draws|draw|draws} by {strategy} some site always got fewer than {least|group|groups}.',
    hint: 'Ask for fewer sites, a larger --alpha, fewer groups with --min-groups, or another --seed.',
  },
  NF_SPLIT_SITES_SMALL: {
    exit: 4,
    message: 'Sites have fewer than {least|group|groups}: {names}.',
    hint: 'Join such sites in the column, or ask for fewer groups with --min-groups.',
  },
  NF_SPLIT_SHARDS: {
    exit: 4,
    message: '{sites|site|sites} with {each} values of {of} each cannot be made: {detail}.',
    hint: 'Choose --sites and --shards-per-site so that each value goes to some site, and each site has groups of its own.',
  },
  NF_SPLIT_SKEW_VALUE: {
    exit: 4,
    message: "{count} no value in the column '{column}': {names}.",
    hint: 'Fill the column, or deal by another one with --skew-column.',
  },
  NF_SPLIT_SKEW_MANY: {
    exit: 4,
    message: "The column '{column}' has {values|value|values} in {groups|group|groups}: too many to deal by.",
    hint: 'Give a column with a few values, such as a scanner or an age band.',
  },
  NF_SPLIT_SITE_VALUE: {
    exit: 4,
    message: "{count} in the column '{column}' cannot name a site: {values}.",
    hint: 'Give each participant a site of letters, digits, dots, dashes and underscores.',
  },
  NF_SPLIT_SITE_COUNT: {
    exit: 4,
    message:
      "--sites {wanted} disagrees with the column '{column}', which names {found|site|sites}: {names}.",
    hint: 'Leave --sites out when a column names the sites.',
  },
  NF_SPLIT_GROUP_AT_TWO_SITES: {
    exit: 4,
    message: 'Group {group} stands at two sites in participants.tsv: {one} at {first}, {other} at {second}.',
    hint: 'Correct the site column or the groups: images of one group may be of one patient, who has one site.',
  },
  NF_SPLIT_MALFORMED: {
    exit: 4,
    message: 'Not a split made by neuroflare: {detail}.',
    hint: "Make the file again with 'neuroflare preprocess split'.",
  },
  NF_SPLIT_HASH: {
    exit: 4,
    message: 'The split was changed after it was made: its SHA-256 is {actual}, the file says {expected}.',
    hint: "Make the split again with 'neuroflare preprocess split' instead of editing the file.",
  },
  NF_SPLIT_DATASET_CHANGED: {
    exit: 4,
    message:
      'The split was made for another participants.tsv, or this one changed since: its SHA-256 begins with {actual}, the split says {expected}.',
    hint: "Use the data set that the split was made for, or make the split again with 'neuroflare preprocess split'.",
  },
  NF_SPLIT_PARTICIPANT_UNKNOWN: {
    exit: 4,
    message: 'The split names {participant}, which participants.tsv lacks.{nearest}',
    hint: "Make the split again with 'neuroflare preprocess split'.",
  },
  NF_SPLIT_PARTICIPANT_TWICE: {
    exit: 4,
    message: '{participant} stands twice in the split: in {first} and in {second}.',
    hint: "Make the split again with 'neuroflare preprocess split'.",
  },
  NF_SPLIT_GROUP_CROSSES: {
    exit: 4,
    message:
      'Group {group} stands on two sides of the split: {one} in {first}, {other} in {second}. Images of one group may be of one patient.',
    hint: "Make the split again with 'neuroflare preprocess split', which keeps groups whole.",
  },
  NF_SPLIT_SET_ASIDE: {
    exit: 4,
    message: '{participant} is set aside ({reason}) in participants.tsv but used in {place}.',
    hint: "Make the split again with 'neuroflare preprocess split', which leaves such images out.",
  },
  NF_SPLIT_TRAIN_EMPTY: {
    exit: 4,
    message: '{site} has no training images in the split.',
    hint: 'Ask for fewer sites, a larger --alpha, or smaller --validation and --test.',
  },
  NF_SELECT_FILTER: {
    exit: 4,
    message: "--filter '{text}' is not usable: {detail}.",
    hint: 'Write entities of BIDS with their values: --filter ses=preop,ce=gad; several values by |, in order of preference; nothing after = for images without the entity.',
  },
  NF_SELECT_OPTION: {
    exit: 4,
    message: "--{flag} '{value}' is not usable: {detail}.",
    hint: 'Give it as the help of the command describes it.',
  },
  NF_SELECT_MAP_YAML: {
    exit: 4,
    message: 'The label map is no YAML or JSON: {reason}',
    hint: 'Correct the line that is shown.',
  },
  NF_SELECT_LABEL_MAP: {
    exit: 4,
    message: 'The label map is not usable: {faults}.',
    hint: 'Write a YAML or JSON file of lines `value: label`; a label is letters, digits, - and _, and begins with a letter; `value: null` leaves the images of a value out.',
  },
  NF_SELECT_MAP_KEY: {
    exit: 4,
    message: "No row has the value '{key}' of the label map in the column '{column}'.{nearest}",
    hint: 'Correct the key, or remove the line. Values of the column: {values}.',
  },
  NF_SELECT_UNMAPPED: {
    exit: 4,
    message: "The label map lacks {count|value|values} of the column '{column}': {values}.",
    hint: 'Add a line `value: label` for each, or `value: null` to leave its images out. With --ignore-case (ignore_case) upper and lower case are one.',
  },
  NF_SELECT_TWO_LABELS: {
    exit: 4,
    message: '{participant} has two labels in {table}: {first} and {second}.',
    hint: 'Take the images of one session by --filter ses=LABEL or --one-per subject, or correct the table: a participant has one label.',
  },
  NF_SELECT_GROUP: {
    exit: 4,
    message: "{participant} {problem} in the group column '{column}'.",
    hint: 'Fill in which patient it is, or set the participant aside (column set_aside): images of one patient must stay together.',
  },
  NF_SELECT_NOTHING: {
    exit: 4,
    message: 'No {what} of any participant in {path}. {there}',
    hint: 'Choose what is there by --suffix and --filter (data.selection of a job).',
  },
  NF_SELECT_AMBIGUOUS: {
    exit: 4,
    message: 'Which image of {participant} is meant? {first} and {second} differ in {differ}.',
    hint: 'Say which by --filter, for example --filter rec=norm, or several values in order of preference: acq=hi|lo. Session and run decide by themselves.',
  },
  NF_SELECT_CHANNEL_MISSING: {
    exit: 4,
    message: '{count} without all channels: {named}.',
    hint: 'Add the images, or leave such subjects and sessions out: --incomplete drop (data.selection.incomplete: drop of a job).',
  },
  NF_SELECT_CHANNEL_NOBODY: {
    exit: 4,
    message: 'Nobody in {path} has all channels: {named}.',
    hint: 'Choose channels that are there by --channel (data.selection.channels of a job).',
  },
  NF_SELECT_CHANNEL_TWICE: {
    exit: 4,
    message: 'Two channels take one image, {path}.',
    hint: 'Tell them apart by their filters, for example --channel T1w,ce= --channel T1w,ce=gadolinium: nothing after = takes images without the entity.',
  },
  NF_SELECT_TABLE_OUTSIDE: {
    exit: 4,
    message: 'The table of labels {table} is a link to a place outside the data set.',
    hint: 'Copy the table into the data set.',
  },
  NF_SELECT_RECORD: {
    exit: 4,
    message: 'The selection that participants.json records is not usable: {detail}.',
    hint: "Make the tree again with 'neuroflare preprocess split --materialize'.",
  },
  NF_SELECT_MISMATCH: {
    exit: 4,
    message: 'Two selections of images and labels disagree: {one} and {other}.',
    hint: 'Leave one of them out: what a split or a tree was made by is recorded in it.',
  },
  NF_SELECT_CHANGED: {
    exit: 4,
    message: 'Labels or groups are not those that the split was made for: their table {table} changed since.',
    hint: "Make the split again with 'neuroflare preprocess split'.",
  },
} as const satisfies Record<string, ErrorRow>;
