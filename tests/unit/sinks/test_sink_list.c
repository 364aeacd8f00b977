#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"
#include "sinks/sink_list.h"

struct fake {
    struct sink sink; /* first: the two are one address */
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
        cmocka_unit_test(numbers_are_those_of_the_sink_with_the_table),
        cmocka_unit_test(closing_closes_each_once),
    };
    return cmocka_run_group_tests_name("sink_list", tests, NULL, NULL);
}
