"""Writes the first model of a job as neuroflare reads it: python neuroflare_model.py REQUEST, a JSON text.

{"kind": "class", "path": "model.Net", "args": {...}, "seed": 0} a torch module is made and its state_dict taken;
{"kind": "torch", "file": ...} a checkpoint that holds tensors alone; {"kind": "npy", "file": ..., "name": ...} one array of numpy.
Each with "target", the file to write, and "folders" to import from. Prints {"dtypes": {name: type}}.
"""

import importlib
import json
import struct
import sys

from neuroflare_arrays import TYPES, _bytes_of, stored_types

_CODES = {name: code for code, (name, _, _) in TYPES.items()}


def _tensors(request):
    kind = request["kind"]
    if kind == "npy":
        import numpy

        return {request["name"]: numpy.load(request["file"], allow_pickle=False)}
    import torch

    if kind == "class":
        torch.manual_seed(request["seed"])
        module, _, name = request["path"].rpartition(".")
        made = getattr(importlib.import_module(module), name)(**request["args"])
        return made.state_dict()
    found = torch.load(request["file"], map_location="cpu", weights_only=True)
    # As nvflare's persistor keeps it.
    return found["model"] if isinstance(found.get("model"), dict) else found


def _type_of(array):
    return str(array.dtype).replace("torch.", "")


def main():
    request = json.loads(sys.argv[1])
    sys.path[:0] = request["folders"]
    arrays = _tensors(request)
    entries, dtypes = [], {}
    for name, array in arrays.items():
        stored, own = stored_types(_type_of(array))
        if own is not None:
            dtypes[name] = own
        entries.append((name, stored, tuple(array.shape), array))
    # Widest first, then by name: as neuroflare writes its own files.
    entries.sort(key=lambda entry: (-TYPES[entry[1]][1], entry[0]))
    header, parts, end = {}, [], 0
    for name, stored, shape, array in entries:
        count = 1
        for size in shape:
            count *= size
        size = count * TYPES[stored][1]
        parts.append(_bytes_of(array, (name, stored, shape, 0, size), None))
        header[name] = {"dtype": stored, "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    with open(request["target"], "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for part in parts:
            out.write(part)
    print(json.dumps({"dtypes": dtypes}))


if __name__ == "__main__":
    main()
