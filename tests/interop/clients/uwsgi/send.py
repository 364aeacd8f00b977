import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from appserver import free_port, served  # noqa: E402

PUSHES = 3
transport, address = sys.argv[1:]
port = free_port()
# Debian's package of the core has the name of the core.  It pushes once a second instead of every three, to be done sooner.
served([shutil.which("uwsgi-core") or "uwsgi", "--plugins", "python3,stats_pusher_statsd", "--http-socket", "127.0.0.1:%d" % port,
        "--wsgi-file", "../gunicorn/app.py", "--callable", "app", "--master", "--die-on-term", "--disable-logging", "--enable-metrics",
        "--stats-push", "statsd:%s,shop" % address, "--stats-pushers-default-freq", "1",
        "--metric", "name=requests,type=gauge,collector=sum,children=worker.0.requests"],
       port, "uwsgi", then=lambda ask: time.sleep(PUSHES + 0.5))
