/* Names with the most series and tags with the most values, counted while the registry goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/registry_census.h"
#include "base/mem.h"
#include "support/pipeline.h"

/* A line with each number between the two texts. */
static void feed(struct pipeline *p, const char *before, const char *after, unsigned from,
                 unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s%u%s", before, i, after);
        pipeline_feed(p, 0, line);
    }
    pipeline_turn(p);
}

static void expect(const struct census_row *row, const char *text, uint64_t n)
{
    if (row->n != n || row->len != strlen(text) || memcmp(row->text, text, row->len) != 0)
        fail_msg("%.*s %llu", row->len, row->text, (unsigned long long)row->n);
}

static struct registry_census *census(struct pipeline *p)
{
    struct registry_census *c = mem_zalloc(sizeof *c);
    registry_census_begin(c, p->registry);
    while (registry_census_some(c, 7)) {}
    return c;
}

static void the_largest_come_first(void **unused)
{
    struct pipeline p;
    (void)unused;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 100 });
    feed(&p, "many:1|c|#host:h", ",env:prod", 0, 30);
    feed(&p, "few:1|g|#env:e", "", 0, 4);
    feed(&p, "single", ":1|c", 0, 3);
    struct registry_census *c = census(&p);
    assert_int_equal(c->n_names, 5);
    expect(&c->names[0], "many", 30);
    expect(&c->names[1], "few", 4);
    assert_int_equal(c->n_tags, 2);
    expect(&c->tags[0], "host", 30);
    expect(&c->tags[1], "env", 5);
    assert_int_equal(c->tags[0].metric_len, 4);
    assert_memory_equal(c->tags[0].metric, "many", 4);
    registry_census_end(c);
    free(c);
    pipeline_release(&p);
}

static void nothing_is_counted_of_an_empty_registry(void **unused)
{
    struct pipeline p;
    (void)unused;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 100 });
    struct registry_census *c = census(&p);
    assert_int_equal(c->n_names + c->n_tags, 0);
    registry_census_end(c);
    free(c);
    pipeline_release(&p);
}

static void only_the_largest_are_kept_of_many_names(void **unused)
{
    struct pipeline p;
    (void)unused;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 100 });
    feed(&p, "n", ":1|c", 0, 3 * CENSUS_MOST);
    feed(&p, "n7:1|c|#a:", "", 0, 2);
    feed(&p, "n250:1|c|#a:", "", 0, 5);
    struct registry_census *c = census(&p);
    assert_int_equal(c->n_names, CENSUS_MOST);
    expect(&c->names[0], "n250", 6);
    expect(&c->names[1], "n7", 3);
    assert_int_equal(c->names[CENSUS_MOST - 1].n, 1);
    registry_census_end(c);
    free(c);
    pipeline_release(&p);
}

static void series_may_come_and_go_meanwhile(void **unused)
{
    struct pipeline p;
    (void)unused;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 10 });
    feed(&p, "goes", ":1|c|#k:v", 0, 300);
    struct registry_census *c = mem_zalloc(sizeof *c);
    registry_census_begin(c, p.registry);
    assert_true(registry_census_some(c, 100));
    pipeline_close(&p);
    pipeline_forward(&p, 60);
    for (int i = 0; i < 5; i++) {
        pipeline_turn(&p);
        pipeline_forward(&p, 11);
        while (registry_expire(p.registry, p.now_ns)) {}
    }
    assert_int_equal(pipeline_series(&p), 0);
    feed(&p, "comes", ":1|c|#k:v", 0, 20);
    while (registry_census_some(c, 10)) {}
    assert_true(c->n_names > 0);
    registry_census_end(c);
    free(c);
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_come_first),
        cmocka_unit_test(nothing_is_counted_of_an_empty_registry),
        cmocka_unit_test(only_the_largest_are_kept_of_many_names),
        cmocka_unit_test(series_may_come_and_go_meanwhile),
    };
    return cmocka_run_group_tests_name("registry_census", tests, NULL, NULL);
}
