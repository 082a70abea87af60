"""Two whole sites, which all tests of this package share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.failover.two import Two, two_sites


@pytest.fixture(scope="package")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Yield a core, and two sites with two simulated units each that back each other up."""
    with two_sites(tmp_path_factory.mktemp("two")) as sites:
        sites.at_rest()
        yield sites
