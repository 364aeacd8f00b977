"""For app servers: start one, ask it five times, end it.  What the server sends is the client that is looked at."""
import os
import socket
import subprocess
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ASKED = 5


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def served(words, port, dir, then=lambda ask: None):
    """Run the server, ask it ASKED times, call then(ask), and end it by TERM, which lets it finish."""
    p = subprocess.Popen(words, cwd=os.path.join(HERE, dir), stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if p.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.02)

        def ask():
            with urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=20) as r:
                r.read()
        for _ in range(ASKED):
            ask()
        then(ask)
    finally:
        p.terminate()
        p.wait(30)
