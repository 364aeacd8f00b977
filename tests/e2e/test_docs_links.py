"""The documentation is one book: every page is in its contents, leads back there, and no link of any page leads nowhere."""
import os
import re
import sys

import pytest

from harness import TOP

sys.path.insert(0, os.path.join(TOP, "tests", "support"))
import docs  # noqa: E402

pytestmark = pytest.mark.plain
PARTS = ["Tutorial", "How-to guides", "Reference", "Explanation"]
NOT_OURS = {"build", ".git", "corpus", "node_modules"}


def pages():
    """Every .md file of the tree, as paths from TOP."""
    found = []
    for folder, inner, files in os.walk(TOP):
        inner[:] = sorted(d for d in inner if d not in NOT_OURS)
        found += [os.path.relpath(os.path.join(folder, f), TOP) for f in sorted(files) if f.endswith(".md")]
    return found


def read(page):
    with open(os.path.join(TOP, page), encoding="utf-8") as f:
        return f.read()


def prose(text):
    """Without what is code: blocks, and what stands between backticks."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^    .*$", "", text, flags=re.M))


def anchors(text):
    """What a heading can be linked by: its words in small letters, blanks as hyphens, and a number where it comes again."""
    found, seen = set(), {}
    for heading in re.findall(r"^#+ +(.*?) *$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), flags=re.M):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        found.add(name + ("-%d" % seen[name] if name in seen else ""))
        seen[name] = seen.get(name, 0) + 1
    return found


def dead(page, text=None):
    """Links of a page that lead nowhere; those to other hosts are not followed."""
    wrong = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(read(page) if text is None else text)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(os.path.join(TOP, target)):
            wrong.append(link)
        elif anchor and (not target.endswith(".md") or anchor not in anchors(read(target))):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", pages())
def test_no_link_leads_nowhere(page):
    assert dead(page) == []


@pytest.mark.parametrize("link, alive", [
    ("redis.md", True), ("redis.md#keys", True), ("#one-redis", False), ("../README.md", True), ("images/page-light.png", True),
    ("redis.md#no-such", False), ("none.md", False), ("../docs", True), ("https://example.org/x#y", True),
    ("redis.md#the-fleet-on-one-page-clustermetrics", True)])
def test_a_dead_link_is_seen(link, alive):
    assert (dead("docs/web.md", "see [this](%s)" % link) == []) == alive


def test_what_is_code_has_no_links():
    assert dead("docs/web.md", "`a[i](none)` and\n\n    b[i](none)\n\n```\nc[i](none)\n```\n") == []


def listed():
    """Part of the contents -> what it lists, in its order."""
    parts = re.split(r"^## (.*)$", read(docs.CONTENTS), flags=re.M)[1:]
    return {name: re.findall(r"^\| \[[^]]*\]\(([^)]+)\) \|", text, flags=re.M) for name, text in zip(parts[::2], parts[1::2])}


def test_the_contents_has_its_four_parts_with_pages_in_each():
    assert list(listed()) == PARTS
    assert [p for p, rows in listed().items() if len(rows) < 2] == []


def test_every_page_of_docs_is_in_the_contents_once():
    rows = [row for part in listed().values() for row in part]
    assert sorted(rows) == sorted(set(rows))
    there = {os.path.relpath(os.path.join(folder, f), os.path.join(TOP, "docs"))
             for folder, _, files in os.walk(os.path.join(TOP, "docs")) for f in files if f.endswith(".md")}
    assert sorted(there - set(rows) - {"README.md"}) == []


def test_every_row_of_the_contents_says_what_the_page_is():
    assert [r for r in re.findall(r"^\| \[[^]]*\]\([^)]*\) \|(.*)\|$", read(docs.CONTENTS), flags=re.M) if len(r.strip()) < 15] == []


@pytest.mark.parametrize("page", [p for p in docs.pages() if p.startswith("docs/") and p != docs.CONTENTS])
def test_every_page_leads_back_to_the_contents(page):
    assert docs.BACK in read(page).splitlines(True)[:4], "remedy: make docs"


def test_a_page_gets_its_way_back_once():
    for text in ("# A\n\nText.\n", "# A\nText.\n"):
        once = docs.led_back("docs/a.md", text)
        assert once == "# A\n\n%s\nText.\n" % docs.BACK
        assert docs.led_back("docs/a.md", once) == once
    assert docs.led_back("README.md", "# A\n") == "# A\n"
    assert docs.led_back(docs.CONTENTS, "# A\n") == "# A\n"


def test_every_picture_of_docs_is_shown_on_a_page():
    shown = {os.path.normpath(os.path.join(os.path.dirname(p), link)) for p in pages() for link in re.findall(r"!\[[^]]*\]\(([^)\s]+)\)", read(p))}
    there = {os.path.join("docs", "images", f) for f in os.listdir(os.path.join(TOP, "docs", "images"))}
    assert sorted(there - shown) == []


def test_the_first_page_is_short_and_leads_to_the_book():
    text = read("README.md")
    assert len(text.splitlines()) <= 150
    assert "(docs/README.md)" in text
    assert sorted(p for p in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE") if "(%s)" % p not in text) == []
