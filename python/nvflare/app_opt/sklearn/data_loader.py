"""Tables with the label in the first column."""

import pandas as pd

_READERS = {"csv": pd.read_csv, "xls": pd.read_excel, "xlsx": pd.read_excel}


def get_pandas_reader(data_path):
    end = str(data_path).rsplit(".", 1)[-1].lower()
    if end not in _READERS:
        raise ValueError("no pandas reader for given file format %s" % end)
    return _READERS[end]


def _to_data_tuple(data):
    return data.iloc[:, 1:].to_numpy(), data.iloc[:, 0].to_numpy(), data.shape[0]


def load_data(data_path, require_header=False):
    return _to_data_tuple(get_pandas_reader(data_path)(data_path, header=None))


def load_data_for_range(data_path, start, end, require_header=False):
    return _to_data_tuple(get_pandas_reader(data_path)(data_path, header=None).iloc[start:end])
