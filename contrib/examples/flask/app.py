"""A small shop whose every request is counted and timed: rate, errors, duration (RED), by endpoint, method and status.

Nothing to install but Flask: a StatsD line is one UDP datagram, and ten lines of Python send it.
"""
import os
import socket
import time

from flask import Flask, g, jsonify, request

SERVICE = os.environ.get("SERVICE", "shop")
HOST, _, PORT = os.environ.get("STATSD_ADDRESS", "127.0.0.1:8125").rpartition(":")

app = Flask(__name__)
_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def send(*lines):
    """Never waits and never fails the request: a datagram that nobody takes is gone."""
    try:
        _socket.sendto("\n".join(lines).encode(), (HOST, int(PORT)))
    except OSError:
        pass


@app.before_request
def begin():
    g.began = time.perf_counter()


@app.after_request
def measure(response):
    # The endpoint is the name of the function below, not the path: /orders/1 and /orders/2 are one series.
    tags = "service:%s,endpoint:%s,method:%s,status:%d" % (SERVICE, request.endpoint or "none", request.method, response.status_code)
    send("http.requests:1|c|#" + tags,
         "http.request.duration:%.3f|ms|#%s" % ((time.perf_counter() - g.began) * 1000, tags))
    return response


@app.get("/")
def index():
    return "shop\n"


@app.get("/orders/<int:number>")
def order(number):
    return jsonify(number=number)


@app.post("/orders")
def order_new():
    send("orders.created:1|c|#service:" + SERVICE)
    return jsonify(number=1), 201


@app.get("/slow")
def slow():
    time.sleep(0.05)
    return "at last\n"


@app.get("/broken")
def broken():
    raise RuntimeError("this endpoint always fails")


@app.errorhandler(RuntimeError)
def failed(error):
    return jsonify(error=str(error)), 500
