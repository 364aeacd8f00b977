#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/event_ring.h"

enum { SMALL = 1024 };

#define MS 1000000ull

/* What was taken, as one text. */
struct taken {
    char text[8192];
    size_t n;
    unsigned entries;
    uint64_t received_ms, at_ns; /* of the last */
};

static void put_text(struct taken *t, struct slice s)
{
    int n = snprintf(t->text + t->n, sizeof t->text - t->n, "%.*s", (int)s.len, s.ptr);
    assert_true(n >= 0 && t->n + (size_t)n < sizeof t->text);
    t->n += (size_t)n;
}

static void put_field(struct taken *t, const char *key, struct slice s)
{
    if (s.ptr == NULL)
        return;
    put_text(t, slice_str(key));
    put_text(t, s);
}

static void on_entry(void *cookie, const struct event_entry *e, uint64_t at_ns)
{
    struct taken *t = cookie;
    char number[32];
    t->entries++;
    t->received_ms = e->received_ms;
    t->at_ns = at_ns;
    assert_int_equal(e->seq, 0);
    put_field(t, e->kind == CHECK_ENTRY ? "check=" : "event=", e->title);
    put_field(t, " text=", e->text);
    put_field(t, " host=", e->hostname);
    put_field(t, " key=", e->aggregation_key);
    put_field(t, " source=", e->source_type);
    if (e->has_timestamp) {
        snprintf(number, sizeof number, " d=%lld", (long long)e->timestamp);
        put_text(t, slice_str(number));
    }
    if (e->kind == CHECK_ENTRY) {
        assert_true(e->priority == NULL && e->alert_type == NULL);
        snprintf(number, sizeof number, " status=%u", e->status);
        put_text(t, slice_str(number));
    } else {
        put_field(t, " p=", slice_str(e->priority));
        put_field(t, " t=", slice_str(e->alert_type));
    }
    for (uint32_t i = 0; i < e->n_tags; i++)
        put_field(t, " #", e->tags[i]);
    put_text(t, SLICE_LIT(";"));
}

static void take_from(struct event_ring *const *rings, size_t n, struct taken *t)
{
    *t = (struct taken){ 0 };
    event_rings_take(rings, n, (struct event_now){ .mono_ns = 10000 * MS, .wall_ms = 50000 },
                     on_entry, t);
}

/* line: an event or a check */
static void put_at(struct event_ring *r, const char *line, uint64_t at_ns)
{
    static struct event e;
    static struct service_check c;
    char room[70000];
    assert_true(strlen(line) <= sizeof room);
    if (event_parse(slice_str(line), room, &e) == REASON_NONE)
        event_ring_put_event(r, &e, at_ns);
    else if (service_check_parse(slice_str(line), room, &c) == REASON_NONE)
        event_ring_put_check(r, &c, at_ns);
    else
        fail_msg("not an event: %s", line);
}

static void what_is_taken_is_what_was_put(void **unused)
{
    static const struct {
        const char *line, *want;
    } cases[] = {
        { "_e{1,1}:a|b", "event=a text=b p=normal t=info;" },
        { "_e{1,0}:a|", "event=a text= p=normal t=info;" },
        { "_e{3,4}:abc|x\\ny|d:1700000000|h:hh|k:kk|s:ss|p:low|t:error|#a:b,c,d:e",
          "event=abc text=x\ny host=hh key=kk source=ss d=1700000000 p=low t=error #a:b #c #d:e;" },
        { "_sc|db|0", "check=db status=0;" },
        { "_sc|db.up|3|d:7|h:web-1|#x:y|m:it is\\ndown",
          "check=db.up text=it is\ndown host=web-1 d=7 status=3 #x:y;" },
    };
    (void)unused;
    struct event_ring *r = event_ring_new(SMALL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct taken t;
        put_at(r, cases[i].line, 9876 * MS);
        take_from(&r, 1, &t);
        assert_string_equal(t.text, cases[i].want);
        assert_int_equal(t.received_ms, 50000 - (10000 - 9876));
        assert_int_equal(t.at_ns, 9876 * MS);
        take_from(&r, 1, &t);
        assert_int_equal(t.entries, 0);
    }
    event_ring_free(r);
    event_ring_free(NULL);
}

static void records_of_every_length_go_round_the_end(void **unused)
{
    char line[SMALL], want[SMALL + 32], name[300];
    (void)unused;
    struct event_ring *r = event_ring_new(SMALL);
    memset(name, 'n', sizeof name);
    for (unsigned i = 0; i < 3000; i++) {
        struct taken t;
        int len = (int)(i * 7 % 290) + 1, tags = (int)(i % 3);
        snprintf(line, sizeof line, "_sc|%.*s|1%s", len, name,
                 tags == 0   ? ""
                 : tags == 1 ? "|#a"
                             : "|#a,bb");
        snprintf(want, sizeof want, "check=%.*s status=1%s;", len, name,
                 tags == 0   ? ""
                 : tags == 1 ? " #a"
                             : " #a #bb");
        put_at(r, line, i);
        take_from(&r, 1, &t);
        assert_string_equal(t.text, want);
    }
    assert_int_equal(event_ring_dropped(r, CHECK_ENTRY), 0);
    event_ring_free(r);
}

static void what_finds_the_ring_full_is_dropped_and_counted_by_kind(void **unused)
{
    (void)unused;
    struct event_ring *r = event_ring_new(SMALL);
    struct taken t;
    unsigned put = 0;
    while (event_ring_dropped(r, EVENT_ENTRY) == 0) {
        put_at(r, "_e{1,1}:a|b", put);
        assert_true(put++ < SMALL);
    }
    put_at(r, "_sc|db|0", put);
    put_at(r, "_sc|db|0", put);
    assert_int_equal(event_ring_dropped(r, EVENT_ENTRY), 1);
    assert_int_equal(event_ring_dropped(r, CHECK_ENTRY), 2);
    take_from(&r, 1, &t);
    assert_int_equal(t.entries, put - 1);
    put_at(r, "_sc|db|0", put);
    take_from(&r, 1, &t);
    assert_string_equal(t.text, "check=db status=0;");
    event_ring_free(r);
}

static void one_that_no_room_can_hold_is_dropped_and_the_next_is_not(void **unused)
{
    char line[3 * SMALL];
    (void)unused;
    struct event_ring *r = event_ring_new(SMALL);
    struct taken t;
    snprintf(line, sizeof line, "_sc|%0*d|0", 2 * SMALL, 0);
    put_at(r, line, 1);
    put_at(r, "_sc|db|0", 2);
    assert_int_equal(event_ring_dropped(r, CHECK_ENTRY), 1);
    take_from(&r, 1, &t);
    assert_string_equal(t.text, "check=db status=0;");
    event_ring_free(r);
}

static void count_only(void *cookie, const struct event_entry *e, uint64_t at_ns)
{
    (void)at_ns;
    (void)e;
    ++*(unsigned *)cookie;
}

static void the_longest_line_fits_wherever_the_ring_is_if_it_is_empty(void **unused)
{
    static char longest[65535 + 1];
    (void)unused;
    struct event_ring *r = event_ring_new(EVENT_RING_BYTES);
    int n = snprintf(longest, sizeof longest, "_sc|db|0|#");
    memset(longest + n, 'a', sizeof longest - (size_t)n - 1);
    for (int i = 0; i < EVENT_TAGS_MAX - 1; i++) /* as many tags as there can be */
        longest[n + 1 + 2 * i] = ',';
    for (unsigned i = 0; i < 200; i++) {
        unsigned taken = 0;
        put_at(r, longest, i);
        event_rings_take(&r, 1, (struct event_now){ 0 }, count_only, &taken);
        for (unsigned more = 0; more < i; more++)
            put_at(r, "_sc|db|0", i);
        event_rings_take(&r, 1, (struct event_now){ 0 }, count_only, &taken);
        assert_int_equal(taken, 1 + i);
    }
    assert_int_equal(event_ring_dropped(r, CHECK_ENTRY), 0);
    event_ring_free(r);
}

static void of_several_rings_what_arrived_first_comes_first(void **unused)
{
    (void)unused;
    struct event_ring *r[3];
    struct taken t;
    for (size_t i = 0; i < ARRAY_LEN(r); i++)
        r[i] = event_ring_new(SMALL);
    put_at(r[0], "_sc|b|0", 2);
    put_at(r[0], "_sc|f|0", 9);
    put_at(r[2], "_sc|a|0", 1);
    put_at(r[2], "_sc|c|0", 3);
    put_at(r[2], "_sc|d|0", 4);
    put_at(r[1], "_sc|e|0", 5);
    take_from(r, ARRAY_LEN(r), &t);
    assert_string_equal(t.text, "check=a status=0;check=b status=0;check=c status=0;"
                                "check=d status=0;check=e status=0;check=f status=0;");
    for (size_t i = 0; i < ARRAY_LEN(r); i++)
        event_ring_free(r[i]);
}

static void one_that_arrived_after_the_clock_was_read_is_not_of_long_ago(void **unused)
{
    (void)unused;
    struct event_ring *r = event_ring_new(SMALL);
    struct taken t;
    put_at(r, "_sc|a|0", 10002 * MS);
    take_from(&r, 1, &t);
    assert_int_equal(t.received_ms, 50002);
    event_ring_free(r);
}

/* ---- two threads ---- */

enum { MANY = 200000 };

struct pair {
    struct event_ring *ring;
    _Atomic bool done;
    uint64_t next, taken; /* the number that is expected, at least */
};

static void *writer(void *cookie)
{
    struct pair *p = cookie;
    struct event e = { .text = SLICE_LIT(""), .priority = "low", .alert_type = "error" };
    char title[64];
    for (uint64_t i = 0; i < MANY; i++) {
        int n = snprintf(title, sizeof title, "%llu", (unsigned long long)i);
        e.title = slice_of(title, (size_t)n);
        e.n_tags = (uint32_t)(i % 4);
        for (uint32_t k = 0; k < e.n_tags; k++)
            e.tags[k] = e.title;
        event_ring_put_event(p->ring, &e, i);
    }
    atomic_store(&p->done, true);
    return NULL;
}

static void in_order_and_whole(void *cookie, const struct event_entry *e, uint64_t at_ns)
{
    struct pair *p = cookie;
    char digits[32];
    assert_true(e->title.len < sizeof digits);
    memcpy(digits, e->title.ptr, e->title.len);
    digits[e->title.len] = '\0';
    uint64_t i = strtoull(digits, NULL, 10);
    assert_true(i >= p->next && i < MANY && at_ns == i);
    assert_int_equal(e->n_tags, i % 4);
    for (uint32_t k = 0; k < e->n_tags; k++)
        assert_true(slice_eq(e->tags[k], e->title));
    assert_string_equal(e->alert_type, "error");
    p->next = i + 1;
    p->taken++;
}

static void of_a_worker_that_runs_each_is_taken_once_or_counted_as_dropped(void **unused)
{
    (void)unused;
    static const size_t sizes[] = { SMALL, 16 * SMALL };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct pair p = { .ring = event_ring_new(sizes[i]) };
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, writer, &p), 0);
        bool done;
        do {
            done = atomic_load(&p.done);
            event_rings_take(&p.ring, 1, (struct event_now){ 0 }, in_order_and_whole, &p);
        } while (!done);
        pthread_join(thread, NULL);
        assert_int_equal(p.taken + event_ring_dropped(p.ring, EVENT_ENTRY), MANY);
        assert_true(p.taken > 0);
        event_ring_free(p.ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_is_what_was_put),
        cmocka_unit_test(records_of_every_length_go_round_the_end),
        cmocka_unit_test(what_finds_the_ring_full_is_dropped_and_counted_by_kind),
        cmocka_unit_test(one_that_no_room_can_hold_is_dropped_and_the_next_is_not),
        cmocka_unit_test(the_longest_line_fits_wherever_the_ring_is_if_it_is_empty),
        cmocka_unit_test(of_several_rings_what_arrived_first_comes_first),
        cmocka_unit_test(one_that_arrived_after_the_clock_was_read_is_not_of_long_ago),
        cmocka_unit_test(of_a_worker_that_runs_each_is_taken_once_or_counted_as_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
