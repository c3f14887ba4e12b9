"""Arrays between safetensors files and what a script holds. numpy and torch are used where the script has them; neither is needed.

A file of neuroflare has float64, float32, int32, int16, int8 and uint8. What a script has in another type (int64, bool, float16,
bfloat16) lies there in a wider one that holds each of its values, and comes to the script as its own again: `dtypes` of the job says which.
"""

import array
import ctypes
import json
import math
import mmap
import re
import struct
import sys

# Of a file: name in numpy and torch, bytes, code of the module array and struct.
TYPES = {
    "F64": ("float64", 8, "d"),
    "F32": ("float32", 4, "f"),
    "I32": ("int32", 4, "i"),
    "I16": ("int16", 2, "h"),
    "I8": ("int8", 1, "b"),
    "U8": ("uint8", 1, "B"),
}
# Types of scripts and the type of a file that holds all their values (of int64 those up to 2^53).
WIDER = {
    "int64": "F64",
    "uint64": "F64",
    "uint32": "F64",
    "uint16": "I32",
    "bool": "U8",
    "float16": "F32",
    "bfloat16": "F32",
}
EXACT = 2**53


class ModelFile:
    """A model as it lies on disk; its bytes are the caller's own (copy on write)."""

    def __init__(self, path):
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            self.header = struct.pack("<Q", length) + file.read(length)
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        entries = json.loads(self.header[8:].decode("utf-8"))
        entries.pop("__metadata__", None)
        start = len(self.header)
        self.entries = []
        for name, entry in entries.items():
            begin, end = entry["data_offsets"]
            self.entries.append((name, entry["dtype"], tuple(entry["shape"]), start + begin, end - begin))
        # As they follow one another in the file.
        self.entries.sort(key=lambda entry: entry[3])


def numpy_or_none():
    try:
        import numpy
    except ImportError:
        return None
    return numpy


def read_params(file, framework, dtypes):
    """What a script of this framework gets: {name: array}, or {layer: [arrays]} for tensorflow."""
    if framework == "pytorch":
        return {entry[0]: _to_torch(file, entry, _wanted(entry[0], dtypes)) for entry in file.entries}
    numpy = numpy_or_none()
    if numpy is None:
        if framework != "raw":
            raise ModuleNotFoundError("No module named 'numpy'", name="numpy")
        return {entry[0]: _to_list(file, entry, _wanted(entry[0], dtypes)) for entry in file.entries}
    params = {entry[0]: _to_numpy(numpy, file, entry, _wanted(entry[0], dtypes)) for entry in file.entries}
    return _by_layer(params) if framework == "tensorflow" else params


def write_params(path, file, params, framework, base=None):
    """Writes an answer in the form of the model that was received. `base`: what each array is given as a difference to, by name."""
    if framework == "tensorflow":
        params = _by_name(params)
    _require_names(params, file)
    with open(path, "wb") as out:
        out.write(file.header)
        for entry in file.entries:
            out.write(_bytes_of(params[entry[0]], entry, base and base[entry[0]]))


def zeros(file, framework, dtypes):
    """What `read_params` gives of the arrays of floats, all of them zero."""
    params = read_params(_floats(file), framework, dtypes)
    return {name: _zeroed(value) for name, value in params.items()}


def write_changes(path, file, changes, framework):
    """Writes an array for each array of floats of the received model: zeros where `changes` has none."""
    if framework == "tensorflow":
        changes = _by_name(changes)
    unknown = sorted(set(map(str, changes)) - {entry[0] for entry in file.entries})
    if unknown:
        raise ValueError("the received model has no arrays %s" % ", ".join(unknown[:5]))
    entries = _floats(file).entries
    with open(path, "wb") as out:
        out.write(header_of([(entry[0], entry[1], entry[2], entry[4]) for entry in entries]))
        for entry in entries:
            out.write(_bytes_of(changes[entry[0]], entry, None) if entry[0] in changes else bytes(entry[4]))


def header_of(entries):
    """Of a file of these arrays, as neuroflare writes it. `entries`: (name, type, shape, bytes), widest types first, then by name."""
    header, offset = {}, 0
    for name, stored, shape, size in entries:
        header[name] = {"dtype": stored, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


class _floats:
    """The arrays of floats of a file."""

    def __init__(self, file):
        self.bytes = file.bytes
        self.entries = [entry for entry in file.entries if entry[1] in ("F64", "F32")]


def _zeroed(value):
    if isinstance(value, list):
        return [_zeroed(part) for part in value]
    return value * 0


def _require_names(params, file):
    if not isinstance(params, dict):
        raise TypeError("params must be a dict of arrays, not %s" % type(params).__name__)
    wanted = [entry[0] for entry in file.entries]
    missing = [name for name in wanted if name not in params]
    unknown = sorted(set(map(str, params)) - set(wanted))
    if missing or unknown:
        parts = ["missing %s" % ", ".join(missing[:5])] if missing else []
        parts += ["unknown %s" % ", ".join(unknown[:5])] if unknown else []
        raise ValueError("params are not the arrays of the received model: %s" % "; ".join(parts))


def _wanted(name, dtypes):
    for pattern, dtype in (dtypes or {}).items():
        if re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name, re.DOTALL):
            return dtype
    return None


def _to_numpy(numpy, file, entry, wanted):
    _, dtype, shape, offset, size = entry
    name, width, _ = TYPES[dtype]
    found = numpy.frombuffer(file.bytes, numpy.dtype(name).newbyteorder("<"), size // width, offset).reshape(shape)
    # numpy knows no bfloat16: it stays float32 there.
    if wanted is None or wanted == "bfloat16":
        return found
    return (found if wanted == "float16" else numpy.rint(found)).astype(wanted)


def _to_torch(file, entry, wanted):
    import torch

    _, dtype, shape, offset, size = entry
    name, width, _ = TYPES[dtype]
    kind = getattr(torch, name)
    if size == 0:
        found = torch.empty(shape, dtype=kind)
    else:
        found = torch.frombuffer(file.bytes, dtype=kind, count=size // width, offset=offset).reshape(shape)
    if wanted is None:
        return found
    if found.is_floating_point() and not wanted.endswith("float16"):
        found = found.round()
    return found.to(getattr(torch, wanted))


def _to_list(file, entry, wanted):
    _, dtype, shape, offset, size = entry
    values = array.array(TYPES[dtype][2])
    values.frombytes(file.bytes[offset : offset + size])
    if sys.byteorder == "big":
        values.byteswap()
    rounded = wanted is not None and not wanted.endswith("float16")
    flat = [round(value) for value in values] if rounded else values.tolist()
    return _nested(flat, shape)


def _nested(flat, shape):
    if not shape:
        return flat[0]
    step = len(flat) // shape[0] if shape[0] else 0
    return [_nested(flat[at * step : (at + 1) * step], shape[1:]) for at in range(shape[0])]


def _bytes_of(value, entry, base):
    """The bytes of one array of an answer, in the type and shape that it has in the model."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return _bytes_of_torch(torch, value, entry, base)
    numpy = numpy_or_none()
    if numpy is None:
        return _bytes_of_list(value, entry, base)
    name, dtype, shape, _, _ = entry
    found = numpy.asarray(value)
    _require_shape(name, found.shape, shape)
    if base is not None:
        found = found.astype("float64") - numpy.asarray(base).astype("float64") if found.dtype == bool else found - numpy.asarray(base)
    if not (numpy.issubdtype(found.dtype, numpy.number) or found.dtype == bool) or numpy.iscomplexobj(found):
        raise TypeError("params['%s'] is of type %s, which is no array of real numbers" % (name, found.dtype))
    target = numpy.dtype(TYPES[dtype][0])
    if found.dtype.kind in "iu" and found.dtype.itemsize == 8 and found.size and numpy.abs(found).max() > EXACT:
        raise ValueError("params['%s'] has integers beyond 2^53" % name)
    if target.kind in "iu" and found.dtype.kind == "f":
        found = numpy.rint(found)
    return numpy.ascontiguousarray(found, dtype=target.newbyteorder("<")).tobytes()


def _bytes_of_torch(torch, value, entry, base):
    name, dtype, shape, _, size = entry
    found = value.detach().to("cpu")
    _require_shape(name, tuple(found.shape), shape)
    if base is not None:
        other = base if isinstance(base, torch.Tensor) else torch.as_tensor(base)
        found = found.to(torch.float64) - other.to(torch.float64) if found.dtype == torch.bool else found - other
    if found.is_complex():
        raise TypeError("params['%s'] is of type %s, which is no tensor of real numbers" % (name, found.dtype))
    if found.dtype == torch.int64 and found.numel() and int(found.abs().max()) > EXACT:
        raise ValueError("params['%s'] has integers beyond 2^53" % name)
    target = getattr(torch, TYPES[dtype][0])
    if found.is_floating_point() and not target.is_floating_point:
        found = found.round()
    found = found.to(target).contiguous()
    return ctypes.string_at(found.data_ptr(), size) if size else b""


def _bytes_of_list(value, entry, base):
    name, dtype, shape, _, _ = entry
    found = _shape_of(value)
    _require_shape(name, found, shape)
    flat = _flat(value)
    if base is not None:
        flat = [one - other for one, other in zip(flat, _flat(base))]
    code = TYPES[dtype][2]
    values = array.array(code, flat if code in "fd" else [round(one) for one in flat])
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def _require_shape(name, found, wanted):
    if tuple(found) != tuple(wanted):
        raise ValueError("params['%s'] has the shape %s, the received model has %s" % (name, list(found), list(wanted)))


def _shape_of(value):
    if not isinstance(value, (list, tuple)):
        return ()
    return (len(value),) + (_shape_of(value[0]) if value else ())


def _flat(value):
    if not isinstance(value, (list, tuple)):
        return [value]
    return [one for part in value for one in _flat(part)]


# Wire names of nvflare for weights of a layer: layer_nvf_0, layer_nvf_1.
_PART = re.compile(r"(.*)_nvf_(\d+)", re.DOTALL)


def _by_layer(params):
    layers = {}
    for name, value in params.items():
        match = _PART.fullmatch(name)
        if match:
            layers.setdefault(match.group(1), {})[int(match.group(2))] = value
        else:
            layers[name] = value
    return {
        name: [parts[at] for at in sorted(parts)] if isinstance(parts, dict) else parts for name, parts in layers.items()
    }


def _by_name(layers):
    params = {}
    for name, parts in layers.items():
        if isinstance(parts, (list, tuple)):
            params.update({"%s_nvf_%d" % (name, at): value for at, value in enumerate(parts)})
        else:
            params[name] = parts
    return params


def plain(value):
    """Figures as plain JSON: scalars of numpy and torch become numbers, what is not finite becomes a text that neuroflare reads."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, (int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$number": repr(value)}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if hasattr(value, "item"):
        return plain(value.item())
    return str(value)


def stored_types(names):
    """How an array of this type of numpy or torch lies in a file: (its type there, the type to come back as or None)."""
    own = {name: kind for kind, (name, _, _) in TYPES.items()}
    return (own[names], None) if names in own else (WIDER[names], names)
