"""A stand-in for a data frame: columns of any dtype by name, as pandas and polars have them."""

import numpy as np


class Column:
    """One column.

    Args:
        values: as `to_numpy` gives them.
        dtype: the frame's name of their type.
    """

    def __init__(self, values, dtype=None):
        self.values = np.asarray(values)
        self.dtype = self.values.dtype if dtype is None else dtype

    def to_numpy(self):
        return self.values

    def __len__(self):
        return len(self.values)


class Frame:
    """Columns side by side, got by name."""

    def __init__(self, **columns):
        self._of = {name: self._column(values) for name, values in columns.items()}

    @staticmethod
    def _column(values):
        return values if isinstance(values, Column) else Column(values)

    @property
    def columns(self):
        return list(self._of)

    @property
    def dtypes(self):
        return [column.dtype for column in self._of.values()]

    def __getitem__(self, name):
        return self._of[name]

    def __len__(self):
        return len(next(iter(self._of.values())))

    def to_numpy(self):
        raise AssertionError("column by column, so that an error can name one")
