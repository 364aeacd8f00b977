/* Which page has to go: tables of who reads what, and since when not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "expose/room.h"
#include "base/slice.h"

enum { MS = 1000000, NONE = -1, READERS_MAX = 20 };

/*
 * One reader: its page, its address (a letter), for how many ms it has read nothing, and how old it
 * is (0: 10 s).
 */
struct line {
    unsigned page;
    char who;
    unsigned quiet_ms, age_ms;
};

struct room_case {
    const char *what;
    struct line readers[READERS_MAX]; /* ended by who = 0 */
    const char *newcomers;
    const char *stay; /* digits: pages that may not go */
    int worst;
};

/* clang-format off */
static const struct room_case cases[] = {
    { "who reads not at all goes, not who came first",
      { { 0, 'a', 10, 0 }, { 1, 'b', 2000, 0 }, { 2, 'c', 3000, 0 },
        { 3, 'd', 0, 0 } }, "e", "", 2 },
    { "of one address likewise",
      { { 0, 'a', 10, 0 }, { 1, 'a', 2000, 0 }, { 2, 'a', 2500, 0 },
        { 3, 'a', 0, 0 } }, "a", "", 2 },
    { "one that pauses stays while another address has many, "
      "though these have been quiet for less time",
      { { 0, 'a', 900, 0 }, { 1, 'b', 300, 0 }, { 2, 'b', 280, 0 }, { 3, 'b', 260, 0 },
        { 4, 'b', 240, 0 } }, "b", "", 1 },
    { "readers of one address stay while others, with one page each, do not read",
      { { 0, 'a', 20, 0 }, { 1, 'a', 30, 0 }, { 2, 'a', 10, 0 }, { 3, 'b', 2000, 0 },
        { 4, 'c', 1900, 0 } }, "a", "", 3 },
    { "a page is worth as much as its best reader",
      { { 0, 'a', 5000, 0 }, { 0, 'b', 10, 0 }, { 0, 'a', 9000, 0 },
        { 1, 'c', 1000, 0 } }, "a", "", 1 },
    { "if all read, nobody goes",
      { { 0, 'a', 100, 0 }, { 1, 'b', 200, 0 }, { 2, 'c', 240, 0 } }, "d", "", NONE },
    { "readers of one address that all read stay before a newcomer of their own",
      { { 0, 'a', 10, 0 }, { 1, 'a', 20, 0 }, { 2, 'a', 30, 0 },
        { 3, 'a', 5, 0 } }, "a", "", NONE },
    { "but they make room for another address",
      { { 0, 'a', 10, 0 }, { 1, 'a', 20, 0 }, { 2, 'a', 30, 0 }, { 3, 'a', 5, 0 } }, "ab", "", 2 },
    { "half of all pages is not too many",
      { { 0, 'a', 10, 0 }, { 1, 'a', 20, 0 }, { 2, 'b', 30, 0 },
        { 3, 'c', 5, 0 } }, "d", "", NONE },
    { "one that read nothing but at its very beginning "
      "is none that reads, however short that is ago",
      { { 0, 'a', 20, 22 }, { 1, 'a', 15, 16 }, { 2, 'a', 12, 300 },
        { 3, 'a', 1, 4 } }, "a", "", 0 },
    { "one that begins to read stays before those",
      { { 0, 'a', 20, 22 }, { 1, 'a', 2, 3 }, { 2, 'a', 0, 0 } }, "b", "", 0 },
    { "several readers of one page are one page of their address",
      { { 0, 'a', 200, 0 }, { 0, 'a', 200, 0 }, { 0, 'a', 200, 0 }, { 1, 'b', 100, 0 },
        { 2, 'c', 10, 0 } }, "d", "", NONE },
    { "pages that may not go count for their address",
      { { 0, 'a', 5000, 0 }, { 1, 'a', 100, 0 }, { 2, 'a', 110, 0 },
        { 3, 'b', 310, 0 } }, "c", "0", 2 },
    { "a page that everybody has left goes first",
      { { 0, 'a', 5000, 0 }, { 2, 'b', 10, 0 } }, "c", "", 1 },
};
/* clang-format on */

static void the_page_goes_that_is_read_least(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct room_case *c = &cases[i];
        struct room_reader readers[READERS_MAX];
        bool may_go[READERS_MAX];
        uint64_t newcomers[4];
        struct room room = {
            .readers = readers, .least_ns = 250 * MS, .may_go = may_go, .newcomers = newcomers
        };
        for (; c->readers[room.n].who != 0; room.n++) {
            const struct line *l = &c->readers[room.n];
            readers[room.n] =
                (struct room_reader){ l->page, (uint64_t)l->who, (uint64_t)l->quiet_ms * MS,
                                      (l->age_ms ? l->age_ms : 10000ull) * MS };
            room.n_pages = l->page + 1 > room.n_pages ? l->page + 1 : room.n_pages;
        }
        for (size_t page = 0; page < room.n_pages; page++)
            may_go[page] = strchr(c->stay, '0' + (int)page) == NULL;
        for (; c->newcomers[room.n_newcomers] != '\0'; room.n_newcomers++)
            newcomers[room.n_newcomers] = (uint64_t)c->newcomers[room.n_newcomers];
        size_t worst = 0;
        bool found = room_worst(&room, &worst);
        if (found != (c->worst != NONE) || (found && (int)worst != c->worst))
            fail_msg("%s: %d", c->what, found ? (int)worst : NONE);
    }
}

static void the_order_of_readers_does_not_matter(void **state)
{
    (void)state;
    uint64_t random = 7;
    for (unsigned round = 0; round < 200; round++) {
        struct room_reader readers[READERS_MAX], shuffled[READERS_MAX];
        bool may_go[4] = { true, true, true, true };
        uint64_t newcomer = 1;
        for (size_t i = 0; i < READERS_MAX; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            readers[i] = (struct room_reader){ random >> 33 & 3, random >> 40 & 3,
                                               (random >> 48) * MS, (random >> 43 & 0xffff) * MS };
        }
        for (size_t i = 0; i < READERS_MAX; i++)
            shuffled[i] = readers[(i * 7 + round) % READERS_MAX];
        struct room a = { .readers = readers,
                          .n = READERS_MAX,
                          .may_go = may_go,
                          .n_pages = 4,
                          .newcomers = &newcomer,
                          .n_newcomers = 1 };
        struct room b = a;
        b.readers = shuffled;
        size_t one = 9, other = 9;
        assert_int_equal(room_worst(&a, &one), room_worst(&b, &other));
        assert_int_equal(one, other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_goes_that_is_read_least),
        cmocka_unit_test(the_order_of_readers_does_not_matter),
    };
    return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
