"""Certificates for tests, made by the program openssl."""
import os
import ssl
import subprocess

import harness


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60 * harness.SLOW)


class Certs:
    """A folder with a CA and what it signed."""

    def __init__(self, path):
        self.path = str(path)
        self.ca = self.self_signed("ca")

    def at(self, name):
        return os.path.join(self.path, name)

    def self_signed(self, name, days="30"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", days, "-subj", "/CN=" + name,
                "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.at(name + ".key"), "-out", self.at(name + ".pem"))
        return self.at(name + ".pem")

    def signed(self, name):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
                "-keyout", self.at(name + ".key"), "-out", self.at(name + ".csr"))
        with open(self.at("ext"), "w") as f:
            f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", self.at(name + ".csr"), "-CA", self.ca, "-CAkey", self.at("ca.key"), "-CAcreateserial",
                "-days", "30", "-extfile", self.at("ext"), "-out", self.at(name + ".pem"))
        return self.at(name + ".pem")

    def url(self, name="server", more=""):
        return "tcp://127.0.0.1:0?tls_cert=%s&tls_key=%s%s" % (self.at(name + ".pem"), self.at(name + ".key"), more)


def context(certs, client=None, version=None, ca=None):
    c = ssl.create_default_context(cafile=ca or certs.ca)
    if client:
        c.load_cert_chain(certs.at(client + ".pem"), certs.at(client + ".key"))
    if version:
        c.minimum_version = c.maximum_version = version
    return c
