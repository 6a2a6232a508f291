"""A refusal costs next to nothing, whatever a file claims."""

import time
import tracemalloc
from contextlib import contextmanager

import pytest

from astroclip_astro.errors import WeightsError

MOST_SECONDS, MOST_BYTES = 1.0, 100 << 20


@contextmanager
def refused_quickly(words, error=WeightsError):
    """Expect a refusal with these words, in under a second of computing and 100 MB."""
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(error, match=words):
            yield
        assert time.process_time() - start < MOST_SECONDS
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
