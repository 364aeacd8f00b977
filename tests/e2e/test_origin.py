"""What DogStatsD clients say of where a sample comes from and of when: c:, e:, card: and T."""
import pytest

from harness import Server

pytestmark = pytest.mark.answers

# The field or fields, and the container_id that they give with protocol.origin_tags.
ORIGINS = [
    ("c:ci-0f2e", "0f2e"),
    ("c:cid-0f2e", "0f2e"),
    ("c:0f2e", "0f2e"),
    ("c:in-4026531836", None),
    ("c:ci-0f2e,in-4026531836", "0f2e"),
    ("c:in-4026531836,ci-0f2e", "0f2e"),
    ("c:in-4026531836,cid-0f2e", "0f2e"),
    ("c:in-1,in-2", None),
    ("c:ci-first,ci-second", "first"),
    ("c:,ci-0f2e", "0f2e"),
    ("c:ci-,cid-0f2e", "0f2e"),
    ("c:ci-0f2e,", "0f2e"),
    ("c:,,", None),
    ("c:ci-", None),
    ("c:cid-", None),
    ("c:in-", None),
    ("c:", None),
    ("c:one|c:two", "two"),
    ("c:ci-one|c:in-2", None),
    ("c:in-1|c:ci-two", "two"),
    ("c:one|c:", None),
    ("|c:ci-0f2e||", "0f2e"),
    ("e:it-false,cn-web,pu-7", None),
    ("card:none", None),
    ("card:low", None),
    ("card:orchestrator", None),
    ("card:high", None),
    ("card:nonsense", None),
    ("card:", None),
    ("e:", None),
    ("e:x|e:y|card:low|card:high", None),
    ("c:ci-0f2e|card:none", "0f2e"),
    ("card:none|c:ci-0f2e", "0f2e"),
    ("c:ci-0f2e|e:it-false,cn-web|card:high", "0f2e"),
    ("e:it-false|card:low|c:in-7", None),
    ("T1700000000|card:low|c:ci-0f2e|e:x", "0f2e"),
    ("c:abc|T1700000000", "abc"),
    ("C:0f2e", None),            # no such field
    ("c0f2e", None),
    ("#container_id:mine|c:ci-0f2e", "0f2e"),
    ("#container_id:mine|c:in-7", "mine"),
    ("#container_id:mine", "mine"),
    ("@0.5|c:ci-0f2e", "0f2e"),
    ("c:ci-0f2e|@0.5", "0f2e"),
]
TYPES = {"c": "", "g": "", "ms": "_count", "h": "_count", "d": "_count", "s": ""}


def shown(page, name):
    """The label sets of a metric, whatever it is."""
    return [dict(labels) for labels in page.all(name)]


@pytest.mark.parametrize("on", [True, False])
def test_an_origin_gives_a_container_id_or_nothing(on):
    """Whatever the type and the order of the fields; off, no field of these changes a thing."""
    with Server("protocol.origin_tags=" + ("on" if on else "off")) as s, s.sender() as c:
        n = 0
        for i, (fields, _) in enumerate(ORIGINS):
            for t in TYPES:
                c.send(b"o%d.%s:3|%s|%s" % (i, t.encode(), t.encode(), fields.encode()))
            n += len(TYPES)
            s.wait_self("statsd_samples_read_total", n)
        page = s.scrape()
        assert page.sum("statsd_samples_aggregated_total") == n
        for i, (fields, container) in enumerate(ORIGINS):
            if not on:
                container = "mine" if fields.startswith("#") else None
            for t, tail in TYPES.items():
                want = [{"container_id": container}] if container else [{}]
                assert shown(page, "o%d_%s%s" % (i, t, tail)) == want, (fields, t)


def test_samples_of_two_containers_are_two_series_and_an_inode_is_none():
    with Server("protocol.origin_tags=on") as s:
        s.send("hits:1|c|#k:v|c:ci-a\nhits:2|c|#k:v|c:cid-a\nhits:4|c|c:a|#k:v\nhits:8|c|#k:v|c:b,in-7\nhits:16|c|#k:v|c:in-7\nhits:32|c|#k:v")
        page = s.wait_self("statsd_samples_aggregated_total", 6)
        assert page.value("hits", k="v", container_id="a") == 7
        assert page.value("hits", k="v", container_id="b") == 8
        assert page.value("hits", k="v") == 48


STAMPS = [
    ("T1", True), ("T1700000000", True), ("T0001700000000", True), ("T9223372036854775807", True), ("T9999999999999999999", False),
    ("T9223372036854775808", False), ("T0", False), ("T000", False), ("T", False), ("T-1", False), ("T+1", False), ("T1.5", False),
    ("T1e9", False), ("T 1", False), ("T1 ", True), ("T10000000000000000000", False), ("T00000000000000000001", False), ("Tx", False),
    ("T1700000000|T1700000001", True), ("T0|T1700000001", False), ("T1700000001|T0", False), ("T1|", True), ("|T1", True),
    ("t1700000000", True),       # no such field: ignored
    ("T1|@0.5|#k:v|c:ci-x|e:x|card:low", True), ("card:low|e:x|c:ci-x|#k:v|@0.5|T1", True),
]


def test_a_timestamp_is_1_to_19_digits_above_0_on_every_type():
    with Server() as s, s.sender() as c:
        n = good = 0
        for i, (stamp, ok) in enumerate(STAMPS):
            for t in TYPES:
                for value in (b"3", b"3:5:7"):      # packed; of a set one member
                    c.send(b"t%d:%s|%s|%s" % (list(TYPES).index(t), value, t.encode(), stamp.encode()))
                    n += 1
                    good += ok
            page = s.wait_self("statsd_lines_received_total", n)
            bad = {dict(labels)["reason"]: v for labels, v in page.all("statsd_samples_rejected_total").items() if v}
            accepted = page.sum("statsd_samples_aggregated_total")
            # A packed gauge may be several samples; a line that is refused is one error.
            assert bad == ({"bad_timestamp": n - good} if n > good else {}), stamp
            assert accepted >= good, stamp


def test_a_sample_with_a_timestamp_counts_when_it_arrives_and_sets_its_gauge():
    with Server() as s:
        s.send("hits:5|c|T1\nlift:10|g\nlift:-3|g|T1\nlift:+4|g|T1700000000")
        page = s.wait_self("statsd_samples_aggregated_total", 4)
        assert page.value("hits") == 5 and page.value("lift") == 4
        s.send("lift:7:+1:-2|g|T1700000000")
        s.wait_value("lift", -2)


@pytest.mark.parametrize("field, value", [("c:ci-0f2e", -3), ("e:it-false", -3), ("card:none", -3), ("c:", -3), ("e:", -3), ("card:", -3),
                                          ("T1", -3), ("f:new", 7), ("cards:x", 7), ("#c:ci-0f2e", None)])
def test_a_field_that_only_dogstatsd_clients_write_makes_a_negative_gauge_absolute(field, value):
    with Server() as s:
        s.send("lift:10|g\nlift:-3|g|%s" % field)
        page = s.wait_self("statsd_samples_aggregated_total", 2)
        if value is None:
            assert page.value("lift") == 10 and page.value("lift", c="ci-0f2e") == -3     # a tagged delta of another gauge
        else:
            assert page.value("lift") == value
