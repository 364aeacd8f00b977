"""How a client of each language comes below build/interop/ and is run: each recipe gives the words of a command, to which transport
and address are added.  Nothing is made twice while version and program are the same."""
import hashlib
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
PROGRAMS = os.path.join(TOP, "tests", "interop", "clients")
PLACE = os.path.join(TOP, "build", "interop")
PATIENCE = 600


class Missing(Exception):
    """The client cannot be had here; the text says why, for the table."""


def installed(client):
    """The command of the client, as words; Missing says why there is none."""
    place = os.path.join(PLACE, "%s-%s" % (client.name, client.version or client.language))
    stamp, want = os.path.join(place, "made"), digest(client)
    recipe = RECIPES[client.language]
    if not (os.path.exists(stamp) and open(stamp).read() == want) and recipe.needs:
        for tool in recipe.needs:
            if not shutil.which(tool):
                raise Missing("no %s here" % tool)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(os.path.join(PROGRAMS, client.name), place)
        recipe.make(client, place)
        with open(stamp, "w") as f:
            f.write(want)
    return recipe.command(client, place)


def digest(client):
    h = hashlib.sha256(repr((client.package, client.version)).encode())
    folder = os.path.join(PROGRAMS, client.name)
    for name in sorted(n for n in os.listdir(folder) if os.path.isfile(os.path.join(folder, n))):
        with open(os.path.join(folder, name), "rb") as f:
            h.update(f.read())
    return h.hexdigest()


def run(what, place, *words):
    """A step of a recipe; what failed is told without the output's addresses, and the output itself is printed."""
    try:
        got = subprocess.run(words, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Missing("%s: no answer in %d minutes" % (what, PATIENCE // 60))
    if got.returncode != 0:
        print((got.stdout + got.stderr)[-3000:])
        raise Missing("%s failed" % what)


def put(place, name, text):
    path = os.path.join(place, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


class Debian:
    """A Python program of a Debian package, as it lies in the tree."""
    needs = ()

    @staticmethod
    def command(client, place):
        return [sys.executable, os.path.join(PROGRAMS, client.name, "send.py")]


class Pip(Debian):
    needs = ("python3",)

    @staticmethod
    def make(client, place):
        if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode != 0:
            raise Missing("no pip here")
        run("its download", place, sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--root-user-action=ignore",
            "--target", "lib", "%s==%s" % (client.package, client.version))

    @staticmethod
    def command(client, place):
        return ["env", "PYTHONPATH=" + os.path.join(place, "lib"), *Debian.command(client, place)]


class Node:
    needs = ("node", "npm")

    @staticmethod
    def make(client, place):
        put(place, "package.json", '{"name": "interop", "private": true}\n')
        run("its download", place, "npm", "install", "--no-audit", "--no-fund", "--fetch-timeout=20000", "--fetch-retries=1",
            "%s@%s" % (client.package, client.version))

    @staticmethod
    def command(client, place):
        return ["node", os.path.join(place, "send.js")]


class Go:
    needs = ("go",)

    @staticmethod
    def make(client, place):
        put(place, "go.mod", "module interop\n\ngo 1.21\n")
        run("its download", place, "go", "get", "%s@v%s" % (client.package, client.version))
        run("its build", place, "go", "build", "-o", "send", ".")

    @staticmethod
    def command(client, place):
        return [os.path.join(place, "send")]


class Java:
    needs = ("mvn", "javac")

    @staticmethod
    def make(client, place):
        group, artifact = client.package.split(":")
        put(place, "pom.xml", """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>interop</groupId><artifactId>interop</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>
  </dependencies>
</project>
""" % (group, artifact, client.version))
        run("its download", place, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib")
        run("its build", place, "javac", "-J-Xmx128m", "-cp", "lib/*", "-d", ".", "Main.java")

    @staticmethod
    def command(client, place):
        return ["java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "-cp", os.path.join(place, "lib", "*") + ":" + place, "Main"]


class Rust:
    needs = ("cargo",)

    @staticmethod
    def make(client, place):
        put(place, "Cargo.toml", '[package]\nname = "send"\nversion = "0.0.0"\nedition = "2021"\n\n[[bin]]\nname = "send"\npath = "main.rs"\n\n'
            '[dependencies]\n%s = "=%s"\n\n[workspace]\n' % (client.package, client.version))
        run("its download and build", place, "cargo", "build", "-q", "-j", "2")

    @staticmethod
    def command(client, place):
        return [os.path.join(place, "target", "debug", "send")]


RECIPES = {"Debian": Debian, "Python": Pip, "Node": Node, "Go": Go, "Java": Java, "Rust": Rust}


def version(client):
    """Of Debian's packages the version that is installed, of others the one that the table asks for."""
    if client.language != "Debian":
        return client.version
    got = subprocess.run(["dpkg-query", "-W", "-f=${Version}", client.package], capture_output=True, text=True).stdout
    if not got:
        raise Missing("not installed")
    return re.sub(r"-[^-]*$", "", got)
