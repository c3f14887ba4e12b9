"""Writes the first model of a job as neuroflare reads it: python neuroflare_model.py REQUEST, a JSON text.

{"kind": "class", "path": "model.Net", "args": {...}, "seed": 0} a torch module is made and its state_dict taken; "keras" one of Keras and its weights;
{"kind": "torch", "file": ...} a checkpoint that holds tensors alone; {"kind": "npy", "file": ..., "name": ...} one array of numpy.
Each with "target", the file to write, and "folders" to import from. Prints {"dtypes": {name: type}}.
"""

import importlib
import json
import sys
from math import prod

from neuroflare_arrays import TYPES, _bytes_of, header_of, stored_types

_CODES = {name: code for code, (name, _, _) in TYPES.items()}


def _tensors(request):
    kind = request["kind"]
    if kind == "npy":
        import numpy

        return {request["name"]: numpy.load(request["file"], allow_pickle=False)}
    if kind == "keras":
        return _keras_arrays(request)
    import torch

    if kind == "class":
        torch.manual_seed(request["seed"])
        return _made(request).state_dict()
    found = torch.load(request["file"], map_location="cpu", weights_only=True)
    # As nvflare's persistor keeps it.
    return found["model"] if isinstance(found.get("model"), dict) else found


def _made(request):
    module, _, name = request["path"].rpartition(".")
    return getattr(importlib.import_module(module), name)(**request["args"])


def _keras_arrays(request):
    """Weights by layer and place, as nvflare calls them. A model that is built late says its `_input_shape`."""
    import tensorflow

    tensorflow.keras.utils.set_random_seed(request["seed"])
    model = _made(request)
    if not model.built:
        shape = getattr(model, "_input_shape", None)
        if shape is None:
            raise ValueError("the model is not built, and has no _input_shape to build it with")
        model.build(shape)
    return {
        "%s_nvf_%d" % (layer.name, at): value
        for layer in model.layers
        for at, value in enumerate(layer.get_weights())
    }


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
    placed = [(name, stored, shape, TYPES[stored][1] * prod(shape)) for name, stored, shape, _ in entries]
    with open(request["target"], "wb") as out:
        out.write(header_of(placed))
        for (name, stored, shape, size), (*_, array) in zip(placed, entries):
            out.write(_bytes_of(array, (name, stored, shape, 0, size), None))
    print(json.dumps({"dtypes": dtypes}))


if __name__ == "__main__":
    main()
