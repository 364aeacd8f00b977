"""/api/v1/series, top, senders and rejected: what is there, who brings it, and what was not understood."""
import json
import urllib.parse

import pytest

from harness import Server, wait_for

API = "/api/v1/"


def ask(s, path, method="GET", status=200, **args):
    query = "?" + urllib.parse.urlencode(args) if args else ""
    got, headers, body = s.get(API + path + query, method=method)
    assert got == status, (path, args, got, body[:300])
    return json.loads(body)


def names(answer):
    return [x["name"] + ("|#" + ",".join(x["tags"]) if x["tags"] else "") for x in answer["series"]]


@pytest.fixture(scope="module")
def server():
    with Server("http.lifecycle=on", interval="10s") as s:
        s.send("api.hits:3|c|#host:a,env:prod", "api.hits:1|c", "api.load:2.5|g", "db.time:4|ms\ndb.time:8|ms", "users:x|s\nusers:y|s", "bad:x|c")
        yield s


def test_series_are_found_by_globs_and_regexes_of_name_and_tags(server):
    for args, want in [
        ({"match": "api.*"}, ["api.hits", "api.hits|#env:prod,host:a", "api.load"]),
        ({"match": "api.hits"}, ["api.hits", "api.hits|#env:prod,host:a"]),
        ({"match": "*|*env:prod*"}, ["api.hits|#env:prod,host:a"]),
        ({"regex": "^(db|users)"}, ["db.time", "users"]),
        ({"regex": "host:a$"}, ["api.hits|#env:prod,host:a"]),
        ({"type": "timer"}, ["db.time"]),
        ({"match": "nothing"}, []),
    ]:
        got = ask(server, "series", **args)
        assert names(got) == want and got["matched"] == len(want), args


def test_a_series_has_what_its_kind_shows(server):
    hits, load = ask(server, "series", match="api.hits|*")["series"][0], ask(server, "series", match="api.load")["series"][0]
    assert (hits["type"], hits["value"], hits["exposed"], hits["rule"]) == ("counter", 3, ["api_hits"], None)
    assert (load["type"], load["value"]) == ("gauge", 2.5)
    timer = ask(server, "series", match="db.time")["series"][0]
    assert timer["count"] == 2 and abs(timer["sum"] - 0.012) < 1e-9 and timer["value"] is None
    assert ask(server, "series", match="users")["series"][0]["members"] == 2


def test_pages_of_an_answer_show_each_series_once(server):
    seen, args = [], {"match": "*", "limit": 2}
    while True:
        got = ask(server, "series", **args)
        seen += names(got)
        if "next" not in got:
            break
        args["after"] = got["next"]
    assert seen == names(ask(server, "series"))


def test_wrong_arguments_say_what_they_want(server):
    for args, argument in [({"regex": "a(b"}, "regex"), ({"match": "x" * 501}, "match"), ({"match": "a", "regex": "b"}, "regex"),
                           ({"after": "x"}, "after"), ({"type": "x"}, "type"), ({"limit": "1001"}, "limit")]:
        assert ask(server, "series", status=400, **args)["argument"] == argument
    assert ask(server, "series", "DELETE", 400)["argument"] == "match"


def test_a_census_has_the_names_and_tags_with_most(server):
    assert ask(server, "top", by="series")["top"][0] == {"name": "api.hits", "series": 2}
    assert {"tag": "env", "values": 1, "name": "api.hits"} in ask(server, "top", by="tags")["top"]


def test_names_and_senders_are_estimated_from_a_sample(server):
    wait_for(lambda: ask(server, "senders")["top"], "a sample")
    sender = ask(server, "senders")["top"][0]
    assert sender["sender"] == "127.0.0.1" and sender["samples_per_second"] > 0
    assert "api.hits" in [x["name"] for x in ask(server, "top", by="samples")["top"]]


def test_a_rejected_line_is_shown_with_the_place_of_its_fault(server):
    wait_for(lambda: any(x["latest"] and x["count"] for x in ask(server, "rejected")["reasons"]), "an example")
    answer = ask(server, "rejected")
    row = answer["reasons"][0]
    assert answer["shown"] and (row["reason"], row["count"]) == ("bad_value", 1)
    latest = row["latest"][0]
    assert (latest["line"], latest["at"], latest["length"]) == ("bad:x|c", 4, 7) and latest["from"].startswith("127.0.0.1:")


def test_a_deleted_counter_starts_at_0_when_it_comes_back():
    with Server("http.lifecycle=on", interval="10s") as s:
        s.send("gone:5|c", "gone:1|c|#a:b", "stays:7|c")
        assert ask(s, "series", "DELETE", match="gone") == {"deleted": 2}
        assert names(ask(s, "series")) == ["stays"]
        s.send("gone:2|c")
        s.wait_value("gone", 2)
        page = s.page().decode()
        assert "\ngone 2\n" in page and "\nstays 7\n" in page and "gone{" not in page
        assert "statsd_series_deleted_total 2" in page
        assert s.logged("series deleted")


def test_what_is_deleted_makes_room_for_others_though_no_series_expires():
    with Server("http.lifecycle=on", "limits.max_series=3", "aggregate.ttl=0") as s:
        s.send("a:1|c", "b:1|g", "c:1|ms")
        assert len(ask(s, "series")["series"]) == 3
        s.send("refused:1|c")
        assert names(ask(s, "series", match="refused")) == []
        assert ask(s, "series", "DELETE", match="?") == {"deleted": 3}

        def takes_more():
            s.send("new:1|c")
            return names(ask(s, "series", match="new"))
        wait_for(takes_more, "room for another series", every=0.2)


def test_lines_are_not_shown_and_nothing_deleted_where_that_is_off():
    with Server("http.show_lines=off") as s:
        s.send("bad:x|c", "a:1|c")
        wait_for(lambda: ask(s, "rejected")["reasons"], "a count")
        answer = ask(s, "rejected")
        assert not answer["shown"] and answer["reasons"][0]["latest"] == []
        assert "http.lifecycle" in ask(s, "series", "DELETE", 403, match="a")["error"]
