"""The array types that the statistics speak of."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Items x raters as an array or as rows of a query, where a missing entry is NaN or None.
Table = ArrayLike | Sequence[object]
