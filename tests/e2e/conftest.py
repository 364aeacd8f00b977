import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

import fixtures  # noqa: E402
import turns  # noqa: E402
from fixtures import *  # noqa: E402, F401, F403


def pytest_configure(config):
    fixtures.pytest_configure(config)
    config.pluginmanager.register(turns)
