#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"
#include "sinks/sink_list.h"

struct fake {
    struct sink sink;
    unsigned saved;
    uint64_t age_ms;
    bool loaded; /* first: the two are one address */
    bool idle;
    unsigned begun, finals, puts, intervals, closed;
    const struct snapshot *seen;
    const struct event_entry *entry;
    const struct closed_series *put;
};

static void fake_begin(struct sink *s, const struct snapshot *snap, bool final)
{
    struct fake *f = (struct fake *)s;
    f->begun++;
    f->finals += final;
    f->seen = snap;
}

static void fake_entry(struct sink *s, const struct event_entry *e)
{
    ((struct fake *)s)->entry = e;
}

static void fake_put(struct sink *s, const struct closed_series *c)
{
    struct fake *f = (struct fake *)s;
    f->puts++;
    f->put = c;
}

static void fake_end(struct sink *s)
{
    ((struct fake *)s)->intervals++;
}

static bool fake_idle(const struct sink *s)
{
    return ((const struct fake *)s)->idle;
}

static void fake_left(const struct sink *s, struct sink_amount *ret)
{
    (void)s;
    *ret = (struct sink_amount){ 0 };
}

static void fake_give_up(struct sink *s)
{
    (void)s;
}

static const void *fake_counted(struct sink *s)
{
    return &((struct fake *)s)->intervals;
}

static void fake_close(struct sink *s)
{
    ((struct fake *)s)->closed++;
}

static const struct counter_table tables[3];

static void fakes_init(struct fake *fakes, size_t n, struct sink_list *l)
{
    *l = (struct sink_list){ 0 };
    for (size_t i = 0; i < n; i++) {
        fakes[i] = (struct fake){ .sink = { .name = "fake",
                                            .counters = &tables[i],
                                            .entry = fake_entry,
                                            .begin = fake_begin,
                                            .put = fake_put,
                                            .end = fake_end,
                                            .idle = fake_idle,
                                            .left = fake_left,
                                            .give_up = fake_give_up,
                                            .counted = fake_counted,
                                            .close = fake_close } };
        sink_list_add(l, &fakes[i].sink);
    }
}

static void every_sink_gets_every_interval(void **state)
{
    const struct snapshot snap = { .start_s = 10 };
    struct sink_list l;
    struct fake f[2];
    (void)state;
    fakes_init(f, ARRAY_LEN(f), &l);
    const struct closed_series c = { .kind = SERIES_COUNTER, .counter = 1 };
    for (int final = 0; final < 2; final++) {
        sink_list_begin(&l, &snap, final);
        sink_list_put(&l, &c);
        sink_list_put(&l, &c);
        sink_list_end(&l);
    }
    for (size_t i = 0; i < ARRAY_LEN(f); i++) {
        assert_int_equal(f[i].begun, 2);
        assert_int_equal(f[i].puts, 4);
        assert_ptr_equal(f[i].put, &c);
        assert_int_equal(f[i].intervals, 2);
        assert_int_equal(f[i].finals, 1);
        assert_ptr_equal(f[i].seen, &snap);
    }
}

static void every_sink_gets_every_entry(void **state)
{
    const struct event_entry e = { .kind = CHECK_ENTRY };
    struct sink_list l;
    struct fake f[2];
    (void)state;
    fakes_init(f, ARRAY_LEN(f), &l);
    sink_list_entry(&l, &e);
    for (size_t i = 0; i < ARRAY_LEN(f); i++)
        assert_ptr_equal(f[i].entry, &e);
}

static void the_list_is_idle_when_all_of_it_is(void **state)
{
    struct sink_list l;
    struct fake f[2];
    (void)state;
    for (unsigned bits = 0; bits < 4; bits++) {
        fakes_init(f, ARRAY_LEN(f), &l);
        f[0].idle = bits & 1;
        f[1].idle = bits & 2;
        assert_int_equal(sink_list_idle(&l), bits == 3);
    }
    fakes_init(f, 0, &l);
    assert_true(sink_list_idle(&l));
}

static void put_one(struct sink *s, struct records_writer *to)
{
    (void)s;
    (void)records_add(to, 40);
    assert_true(records_done(to));
}

static void note_saved(struct sink *s)
{
    ((struct fake *)s)->saved++;
}

static int take_40(struct sink *s, uint8_t type, struct slice body, uint64_t age_ms)
{
    (void)body;
    ((struct fake *)s)->age_ms = age_ms;
    return type == 40 ? 1 : type == 41 ? -EBADMSG : 0;
}

static void note_loaded(struct sink *s, bool good)
{
    ((struct fake *)s)->loaded = good;
}

static int write_nowhere(void *cookie, const void *p, size_t n)
{
    (void)cookie;
    (void)p;
    (void)n;
    return 0;
}

static void a_state_is_that_of_the_sinks_that_have_one(void **state)
{
    struct sink_list l;
    struct fake f[3];
    struct records_writer w;
    const struct records_sink sink = { write_nowhere, NULL };
    (void)state;
    fakes_init(f, ARRAY_LEN(f), &l); /* the first has none */
    for (int i = 1; i < 3; i++) {
        f[i].sink.save = put_one;
        f[i].sink.saved = note_saved;
        f[i].sink.load = take_40;
        f[i].sink.loaded = note_loaded;
        sink_check(&f[i].sink);
    }
    records_begin(&w, &sink, 1);
    sink_list_save(&l, &w);
    assert_int_equal(w.records, 2);
    assert_int_equal(records_end(&w), 0);
    sink_list_saved(&l);
    assert_int_equal(f[1].saved + f[2].saved, 2);
    assert_int_equal(sink_list_load(&l, 40, SLICE_LIT("x"), 7), 1);
    assert_int_equal(f[1].age_ms, 7);
    assert_int_equal(f[2].age_ms, 0); /* it had a taker */
    assert_int_equal(sink_list_load(&l, 41, SLICE_LIT("x"), 7), -EBADMSG);
    assert_int_equal(sink_list_load(&l, 99, SLICE_LIT("x"), 7), 0);
    sink_list_loaded(&l, true);
    assert_true(f[1].loaded && f[2].loaded);
}

static void numbers_are_those_of_the_sink_with_the_table(void **state)
{
    struct sink_list l;
    struct fake f[2];
    (void)state;
    fakes_init(f, ARRAY_LEN(f), &l);
    assert_ptr_equal(sink_list_counted(&l, &tables[0]), &f[0].intervals);
    assert_ptr_equal(sink_list_counted(&l, &tables[1]), &f[1].intervals);
    assert_null(sink_list_counted(&l, &tables[2]));
}

static void closing_closes_each_once(void **state)
{
    struct sink_list l;
    struct fake f[2];
    (void)state;
    fakes_init(f, ARRAY_LEN(f), &l);
    sink_list_close(&l);
    sink_list_close(&l);
    assert_int_equal(f[0].closed, 1);
    assert_int_equal(f[1].closed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sink_gets_every_interval),
        cmocka_unit_test(every_sink_gets_every_entry),
        cmocka_unit_test(the_list_is_idle_when_all_of_it_is),
        cmocka_unit_test(a_state_is_that_of_the_sinks_that_have_one),
        cmocka_unit_test(numbers_are_those_of_the_sink_with_the_table),
        cmocka_unit_test(closing_closes_each_once),
    };
    return cmocka_run_group_tests_name("sink_list", tests, NULL, NULL);
}
