import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from appserver import free_port, served  # noqa: E402

transport, address = sys.argv[1:]
port = free_port()
host = address if transport == "udp" else "unix://" + address
served([sys.executable, "-m", "gunicorn", "--statsd-host", host, "--statsd-prefix", "shop", "--log-level", "warning",
        "-b", "127.0.0.1:%d" % port, "app:app"], port, "gunicorn")
