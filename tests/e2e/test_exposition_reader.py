"""The strict reader that the other tests lean on: does it see what is wrong?"""
import pytest

import exposition

pytestmark = pytest.mark.plain

GOOD = b"""# HELP hits What is counted.
# TYPE hits counter
hits{path="/a\\"b\\\\c\\n"} 3
hits 0.5
# HELP lat Help.
# TYPE lat summary
lat{quantile="0.5"} 1
lat{quantile="0.9"} 2.5
lat_sum 17
lat_count 4
# HELP size Help.
# TYPE size histogram
size_bucket{le="0.1",a="b"} 1
size_bucket{le="+Inf",a="b"} 2
size_sum{a="b"} 9
size_count{a="b"} 2
# HELP t Help.
# TYPE t gauge
t NaN
"""


def test_a_good_page_is_read():
    page = exposition.parse(GOOD)
    assert page.value("hits") == 0.5
    assert page.value("hits", path='/a"b\\c\n') == 3
    assert page.value("size_bucket", le="+Inf", a="b") == 2
    assert page.families["lat"].type == "summary"
    assert "hits 0.5" in page.lines()


BAD = {
    "last line not ended": (b"t NaN\n", b"t NaN"),
    "invalid UTF-8": (b'"b"', b'"\xff"'),
    "CR": (b"hits 0.5\n", b"hits 0.5\r\n"),
    "blank line": (b"hits 0.5\n", b"hits 0.5\n\n"),
    "comment": (b"hits 0.5\n", b"hits 0.5\n# EOF\n"),
    "family twice": (b"# HELP t Help.\n# TYPE t gauge\n", b"# HELP hits Help.\n# TYPE hits counter\n"),
    "TYPE twice": (b"# TYPE t gauge\n", b"# TYPE t gauge\n# TYPE t gauge\n"),
    "no HELP": (b"# HELP t Help.\n", b""),
    "no TYPE": (b"# TYPE t gauge\n", b""),
    "unknown type": (b"# TYPE t gauge\n", b"# TYPE t timer\n"),
    "sample in another family": (b"t NaN\n", b"t NaN\nhits{a=\"b\"} 3\n"),
    "series twice": (b"hits 0.5\n", b"hits 0.5\nhits 0.5\n"),
    "dotted name": (b"t NaN\n", b"t NaN\nt.x 1\n"),
    "timestamp": (b"hits 0.5\n", b"hits 0.5 1700000000000\n"),
    "two blanks": (b"hits 0.5\n", b"hits  0.5\n"),
    "no value": (b"hits 0.5\n", b"hits\n"),
    "hexadecimal": (b"hits 0.5\n", b"hits 0x10\n"),
    "negative counter": (b"hits 0.5\n", b"hits -1\n"),
    "NaN counter": (b"hits 0.5\n", b"hits NaN\n"),
    "label twice": (b'{le="0.1",a="b"}', b'{le="0.1",a="b",a="c"}'),
    "label __name__": (b'{path="', b'{__name__="'),
    "empty label beside none": (b"hits 0.5\n", b"hits 0.5\nhits{a=\"\"} 0.5\n"),
    "empty label in a group": (b'a="b"} 9', b'a=""} 9'),
    "trailing comma": (b'a="b"} 9', b'a="b",} 9'),
    "bad escape": (b"\\n\"} 3", b"\\t\"} 3"),
    "raw quote": (b'\\"b', b'"b'),
    "no +Inf": (b'size_bucket{le="+Inf",a="b"} 2\n', b""),
    "+Inf is not _count": (b"size_count{a=\"b\"} 2", b"size_count{a=\"b\"} 3"),
    "buckets fall": (b'le="0.1",a="b"} 1', b'le="0.1",a="b"} 5'),
    "le does not rise": (b'le="0.1"', b'le="+Inf"'),
    "no _sum": (b'size_sum{a="b"} 9\n', b""),
    "quantile above 1": (b'quantile="0.9"', b'quantile="90"'),
    "quantiles do not rise": (b'quantile="0.9"', b'quantile="0.1"'),
    "clash": (b"# HELP t Help.\n# TYPE t gauge\nt NaN\n", b"# HELP lat_sum Help.\n# TYPE lat_sum gauge\nlat_sum 1\n"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_malformed_page_is_refused(what):
    old, new = BAD[what]
    assert GOOD.count(old) >= 1
    with pytest.raises(exposition.Malformed):
        exposition.parse(GOOD.replace(old, new))
