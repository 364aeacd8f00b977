"""What the compiler was told to do about mistakes of ours, read off the binary."""
import platform
import re
import subprocess

import pytest

from harness import STATSD

sanitized = b"__asan_init" in open(STATSD, "rb").read() or b"__tsan_init" in open(STATSD, "rb").read()


def readelf(*words):
    return subprocess.run(["readelf", "-W", *words, STATSD], capture_output=True, text=True, check=True).stdout


def test_it_lies_at_another_address_each_time():
    assert re.search(r"Type:\s+DYN", readelf("-h")) and "PIE" in readelf("-d")


def test_what_the_linker_writes_cannot_be_written_later():
    assert "GNU_RELRO" in readelf("-l")
    assert "BIND_NOW" in readelf("-d") and re.search(r"Flags: .*NOW", readelf("-d"))


def test_no_stack_and_no_part_is_both_written_and_executed():
    rows = re.findall(r"^\s+(\w+)\s+0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ ([RWE ]{3})", readelf("-l"), re.M)
    assert dict(rows)["GNU_STACK"] == "RW "
    assert [row for row in rows if "W" in row[1] and "E" in row[1]] == []


def test_a_stack_that_is_overrun_is_noticed():
    assert "__stack_chk_fail" in readelf("--dyn-syms")


@pytest.mark.skipif(sanitized, reason="a sanitizer has functions of its own")
def test_functions_of_the_library_know_how_much_room_there_is():
    assert re.search(r"__(memcpy|snprintf|vsnprintf|memset|read|recv|strncpy)_chk", readelf("--dyn-syms"))


@pytest.mark.skipif(platform.machine() != "x86_64", reason="CET is of x86-64")
@pytest.mark.skipif(sanitized, reason="a sanitizer's build is for tests")
def test_what_is_called_by_its_address_begins_with_a_landing():
    main = re.search(r"^\s*\d+: ([0-9a-f]+)\s+\d+ FUNC\s+GLOBAL DEFAULT\s+\d+ cli_main$", readelf("-s"), re.M)
    assert main, "the binary has no symbols"
    address = int(main.group(1), 16)
    for offset, at, size in re.findall(r"^\s+LOAD\s+0x([0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+ 0x([0-9a-f]+)", readelf("-l"), re.M):
        if int(at, 16) <= address < int(at, 16) + int(size, 16):
            with open(STATSD, "rb") as f:
                f.seek(int(offset, 16) + address - int(at, 16))
                assert f.read(4) == b"\xf3\x0f\x1e\xfa"   # endbr64
            return
    raise AssertionError("no part has it")
