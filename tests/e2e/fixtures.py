"""What tests ask for by name; tests/e2e and tests/interop share it."""
import pytest

import harness
from certificates import Certs


@pytest.fixture
def server():
    with harness.Server() as s:
        yield s


@pytest.fixture
def dir():
    with harness.short_dir() as d:
        yield d


@pytest.fixture
def redis(dir):
    with harness.Redis(dir) as r:
        yield r


@pytest.fixture(scope="module")
def certs(tmp_path_factory):
    c = Certs(tmp_path_factory.mktemp("certs"))
    for name in ("server", "client"):
        c.signed(name)
    c.self_signed("stranger")
    return c


def pytest_collection_modifyitems(items):
    """`@pytest.mark.long` only with SLOW=1."""
    for item in items:
        if item.get_closest_marker("long") and not harness.LONG:
            item.add_marker(pytest.mark.skip(reason="long; SLOW=1 runs it"))


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes half a minute or more; only with SLOW=1")
