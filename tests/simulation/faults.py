"""The registry of the faults that a module plants in the pure core, by their names."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Plant = Callable[[pytest.MonkeyPatch], None]


class Faults(dict[str, Plant]):
    """The faults of one module; as a decorator it adds the function below it."""

    def __call__(self, plant: Plant) -> Plant:
        self[plant.__name__] = plant
        return plant
