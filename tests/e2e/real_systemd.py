"""Run by real_systemd.sh inside: restarts under load, a reload, a kill of an idle server; prints how many datagrams it sent."""
import os
import signal
import socket
import subprocess
import sys
import time

DIR = sys.argv[1]
sent = 0


def systemctl(*words):
    return subprocess.run(["systemctl", "--user", *words], check=True, capture_output=True, text=True, timeout=30).stdout


def shows(key):
    return systemctl("show", "statsd.service", "-p", key, "--value").strip()


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, systemctl("--no-pager", "status", "statsd.service")
        time.sleep(0.02)


def senders():
    out = []
    for port in (8125, 8126):
        for _ in range(8):
            out.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            out[-1].connect(("127.0.0.1", port))
    out.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    out[-1].connect(os.path.join(DIR, "own.sock"))
    return out


def send(n):
    global sent
    for _ in range(n):
        for s in sockets:
            s.send(b"load:1|c")
            sent += 1
        time.sleep(0.002)


systemctl("start", "statsd.socket", "statsd.service")
sockets = senders()
for _ in range(5):
    restart = subprocess.Popen(["systemctl", "--user", "restart", "statsd.service"])
    while restart.poll() is None:
        send(1)
    assert restart.returncode == 0
    send(10)
assert shows("NFileDescriptorStore") == "3", shows("NFileDescriptorStore")       # UDP for two workers, and Unix
systemctl("reload", "statsd.service")
wait_for(lambda: shows("ActiveState") == "active" and "reading udp://127.0.0.1:8125" in shows("StatusText"))
time.sleep(3)                                                                    # longer than WatchdogSec: it is fed
assert shows("NRestarts") == "0"
send(10)
systemctl("restart", "statsd.service")                                           # so that a kill finds nothing in memory
pid = int(shows("MainPID"))
os.kill(pid, signal.SIGKILL)
send(10)
wait_for(lambda: shows("NRestarts") == "1" and shows("ActiveState") == "active")
assert shows("NFileDescriptorStore") == "3"
send(10)
systemctl("restart", "statsd.service")
systemctl("stop", "statsd.socket", "statsd.service")
print(sent)
