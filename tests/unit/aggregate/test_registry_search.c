/* Series looked for by name and tags, and removed, while others come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/deleted.h"
#include "aggregate/registry_priv.h"
#include "aggregate/registry_search.h"
#include "support/pipeline.h"

static struct series_pattern *pattern(const char *text, bool regex)
{
    struct buf why = { 0 };
    struct series_pattern *p = series_pattern_new(slice_str(text), regex, &why);
    if (p == NULL)
        fail_msg("%s: %.*s", text, (int)why.len, why.ptr);
    buf_release(&why);
    return p;
}

static struct registry_search *begin(struct pipeline *p, const char *text, bool regex)
{
    return registry_search_new(
        p->registry, &(struct registry_search_opts){
                         .pattern = pattern(text, regex), .type = SEARCH_ANY_TYPE, .limit = 100 });
}

/* The keys that are found, each followed by a blank. */
static const char *found(struct registry_search *s, struct buf *out)
{
    struct series_row row;
    while (registry_search_some(s, 1)) {}
    buf_clear(out);
    for (size_t i = 0; i < s->n_found; i++)
        if (registry_search_row(s, i, 2000000000000, &row))
            buf_printf(out, "%.*s ", (int)row.key.len, row.key.ptr);
    buf_append_char(out, '\0');
    registry_search_free(s);
    return out->ptr;
}

static void remove_all(struct pipeline *p, const char *text, size_t want)
{
    struct registry_search *s = registry_search_new(
        p->registry,
        &(struct registry_search_opts){
            .pattern = pattern(text, false), .type = SEARCH_ANY_TYPE, .limit = 1, .remove = true });
    while (registry_search_some(s, 3)) {}
    assert_int_equal(s->removed, want);
    registry_search_free(s);
}

static void patterns_match_names_and_keys(void **unused)
{
    static const struct {
        const char *text;
        bool regex;
        const char *found;
    } rows[] = {
        { "api.hits", false, "api.hits api.hits|#env:prod,host:a api.hits|#env:test " },
        { "api.*", false, "api.hits api.hits|#env:prod,host:a api.hits|#env:test api.load " },
        { "*", false, "api.hits api.hits|#env:prod,host:a api.hits|#env:test api.load db.size " },
        { "*.*i*e", false, "db.size " },
        { "db.siz?", false, "db.size " },
        { "db.siz", false, "" },
        { "db.size?", false, "" },
        { "api.hits|*env:prod*", false, "api.hits|#env:prod,host:a " },
        { "*|#env:*", false, "api.hits|#env:prod,host:a api.hits|#env:test " },
        { "*|", false, "" },
        { "^api\\.hits$", true, "api.hits api.hits|#env:prod,host:a api.hits|#env:test " },
        { "env:(prod|test)$", true, "api.hits|#env:test " },
        { "e$", true, "db.size " },
    };
    struct pipeline p;
    struct buf out = { 0 };
    (void)unused;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 100 });
    pipeline_feed(&p, 0,
                  "api.hits:1|c\napi.hits:1|c|#host:a,env:prod\napi.hits:1|c|#env:test\n"
                  "api.load:2|g\ndb.size:4|ms");
    pipeline_turn(&p);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(found(begin(&p, rows[i].text, rows[i].regex), &out), rows[i].found) != 0)
            fail_msg("%s: %s", rows[i].text, out.ptr);
    buf_release(&out);
    pipeline_release(&p);
}

static void a_wrong_pattern_says_what_is_wrong(void **unused)
{
    char text[SERIES_PATTERN_MAX + 2];
    struct buf why = { 0 };
    (void)unused;
    memset(text, 'a', sizeof text);
    assert_null(series_pattern_new(slice_of(text, sizeof text), false, &why));
    assert_null(series_pattern_new(SLICE_LIT(""), false, &why));
    assert_null(series_pattern_new(SLICE_LIT("a\xff"), false, &why));
    buf_clear(&why);
    assert_null(series_pattern_new(SLICE_LIT("a(b"), true, &why));
    assert_true(why.len > 0);
    buf_release(&why);
}

static void a_row_has_what_the_series_shows(void **unused)
{
    struct pipeline p;
    struct series_row row;
    (void)unused;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 100 });
    pipeline_feed(&p, 0, "hits:3|c|#b:2,a:1");
    pipeline_turn(&p);
    struct registry_search *s = begin(&p, "hits", false);
    while (registry_search_some(s, 64)) {}
    assert_int_equal(s->n_found, 1);
    assert_true(registry_search_row(s, 0, p.now_ns + 5000000000, &row));
    assert_int_equal(row.idle_s, 5);
    assert_true(row.shown && row.view.value == 3 && row.family == FAMILY_COUNTER);
    assert_true(slice_eq(row.exposed, SLICE_LIT("hits")));
    struct buf tag = { 0 };
    assert_int_equal(row.n_tags, 2);
    registry_row_tag(s, &row, 1, &tag);
    assert_true(slice_eq(buf_slice(&tag), SLICE_LIT("b:2")));
    buf_release(&tag);
    registry_search_free(s);
    pipeline_release(&p);
}

static void pages_show_each_series_once(void **unused)
{
    enum { SERIES = 500, LIMIT = 7 };
    struct pipeline p;
    struct buf after = { 0 };
    struct series_row row;
    size_t shown = 0;
    uint8_t after_type = 0;
    (void)unused;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 100 });
    for (unsigned i = 0; i < SERIES; i++) {
        char line[32];
        snprintf(line, sizeof line, "s%03u:1|%s", i / 2, i % 2 == 0 ? "c" : "g");
        pipeline_feed(&p, 0, line);
    }
    pipeline_turn(&p);
    for (size_t n = LIMIT; n == LIMIT; shown += n) {
        struct registry_search *s = registry_search_new(
            p.registry,
            &(struct registry_search_opts){ .pattern = pattern("s*", false),
                                            .type = SEARCH_ANY_TYPE,
                                            .limit = LIMIT,
                                            .after = after.ptr == NULL ? (struct slice){ NULL, 0 }
                                                                       : buf_slice(&after),
                                            .after_type = after_type });
        while (registry_search_some(s, 50)) {}
        n = s->n_found;
        assert_int_equal(s->matched, SERIES);
        assert_int_equal(s->behind, SERIES - shown);
        for (size_t i = 0; i < n; i++) {
            assert_true(registry_search_row(s, i, p.now_ns, &row));
            char want[32];
            snprintf(want, sizeof want, "s%03zu", (shown + i) / 2);
            assert_true(slice_eq(row.key, slice_str(want)));
        }
        buf_clear(&after);
        if (n > 0)
            buf_append_slice(&after, row.key);
        after_type = (uint8_t)row.type;
        registry_search_free(s);
    }
    assert_int_equal(shown, SERIES);
    buf_release(&after);
    pipeline_release(&p);
}

static void what_goes_and_comes_meanwhile_hides_nothing(void **unused)
{
    enum { SERIES = 300 };
    struct pipeline p;
    struct buf out = { 0 };
    (void)unused;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 1000 });
    for (unsigned i = 0; i < SERIES; i++) {
        char line[32];
        snprintf(line, sizeof line, "%s%03u:1|c", i % 3 == 0 ? "gone" : "stays", i);
        pipeline_feed(&p, 0, line);
    }
    pipeline_turn(&p);
    struct registry_search *s = begin(&p, "stays*", false);
    assert_true(registry_search_some(s, SERIES / 2));
    pipeline_close(&p);
    remove_all(&p, "gone*", SERIES / 3);
    pipeline_feed(&p, 0, "new:1|c");
    pipeline_turn(&p);
    while (registry_search_some(s, 10)) {}
    assert_int_equal(s->n_found, 100);
    for (size_t i = 1; i < s->n_found; i++)
        assert_true(memcmp(s->found[i - 1]->key, s->found[i]->key, 8) < 0);
    registry_search_free(s);
    assert_string_equal(found(begin(&p, "gone*", false), &out), "");
    buf_release(&out);
    pipeline_release(&p);
}

static void what_is_removed_starts_at_0_when_it_comes_back(void **unused)
{
    struct pipeline p;
    (void)unused;
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 100 });
    pipeline_feed(&p, 0, "a:5|c\nb:7|c");
    pipeline_turn(&p);
    remove_all(&p, "a", 1); /* its interval is open: the sinks still get it */
    assert_string_equal(pipeline_lines(&p), "b 7\n");
    pipeline_feed(&p, 0, "a:2|c");
    pipeline_turn(&p);
    assert_string_equal(pipeline_lines(&p), "a 2\nb 7\n");
    assert_int_equal(p.registry->n_dropped, 0);
    pipeline_close(&p);
    remove_all(&p, "*", 2); /* quiet ones */
    assert_string_equal(pipeline_lines(&p), "");
    remove_all(&p, "*", 0);
    pipeline_feed(&p, 0, "b:1|c");
    pipeline_turn(&p);
    assert_string_equal(pipeline_lines(&p), "b 1\n");
    assert_int_equal(registry_stats(p.registry)->v[REGISTRY_SERIES_DELETED], 3);
    pipeline_release(&p);
}

/* As a server's turns do it: every worker is told, and turns follow while a sweep is under way. */
static void tell_workers(struct pipeline *p, unsigned workers)
{
    struct deleted *d = registry_take_deleted(p->registry);
    assert_non_null(d);
    for (unsigned i = 0; i < workers; i++)
        ingest_forget(p->in[i], d);
    pipeline_turn(p);
    pipeline_turn(p); /* what left the tables is buried */
    assert_true(deleted_alone(d));
    deleted_unref(d);
    while (registry_expire(p->registry, p->now_ns)) {}
}

static void what_is_removed_gives_its_memory_and_its_place_back_without_a_ttl(void **unused)
{
    enum { WORKERS = 2 };
    struct pipeline p;
    (void)unused;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = WORKERS, .max_series = 5 });
    pipeline_feed(&p, 0, "a:5|c\ng:1|g|#k:1,k:v\ng:1|g|#k:2,k:v\ng:1|g|#k:3,k:v\nt:1|ms");
    pipeline_feed(&p, 1, "a:5|c\ns:1|s\nstays:3|c\nrefused:1|c");
    pipeline_turn(&p);
    assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_REFUSED), 1);
    pipeline_close(&p);
    size_t n = p.registry->n_all, memory = ingest_memory(p.in[0]);
    assert_int_equal(n, 5);
    remove_all(&p, "?", 4);
    tell_workers(&p, WORKERS);
    assert_int_equal(p.registry->n_all, 1);
    assert_true(ingest_memory(p.in[0]) <= memory);
    pipeline_feed(&p, 0, "a:2|c\nnew:1|c\nnew2:1|c");
    pipeline_feed(&p, 1, "a:2|c\nstays:1|c\nlast:1|c\nbeyond:1|c");
    pipeline_turn(&p);
    pipeline_expect(&p, "a 4\nlast 1\nnew 1\nnew2 1\nstays 4\n");
    assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_REFUSED), 2);
    pipeline_release(&p);
}

static void what_is_removed_with_its_interval_open_goes_when_that_is_over(void **unused)
{
    struct pipeline p;
    (void)unused;
    pipeline_init(&p, &(struct pipeline_opts){ .max_series = 10 });
    pipeline_feed(&p, 0, "a:5|c\nb:7|c");
    pipeline_turn(&p);
    remove_all(&p, "a", 1);
    tell_workers(&p, 1);
    assert_int_equal(p.registry->n_all, 2);
    assert_string_equal(pipeline_close(&p), "counter a 5\ncounter b 7\n");
    while (registry_expire(p.registry, p.now_ns)) {}
    assert_int_equal(p.registry->n_all, 1);
    pipeline_release(&p);
}

static void what_comes_back_before_the_workers_are_told_keeps_its_samples(void **unused)
{
    struct pipeline p;
    (void)unused;
    pipeline_init(&p, &(struct pipeline_opts){ .max_series = 10 });
    pipeline_feed(&p, 0, "a:5|c\ng:7|g");
    pipeline_turn(&p);
    remove_all(&p, "*", 2);
    pipeline_feed(&p, 0, "a:1|c\ng:+2|g"); /* in the page that the sweep's turn seals */
    tell_workers(&p, 1);
    pipeline_feed(&p, 0, "a:1|c\ng:+2|g");
    pipeline_turn(&p);
    pipeline_expect(&p, "a 2\ng 4\n");
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_names_and_keys),
        cmocka_unit_test(a_wrong_pattern_says_what_is_wrong),
        cmocka_unit_test(a_row_has_what_the_series_shows),
        cmocka_unit_test(pages_show_each_series_once),
        cmocka_unit_test(what_goes_and_comes_meanwhile_hides_nothing),
        cmocka_unit_test(what_is_removed_starts_at_0_when_it_comes_back),
        cmocka_unit_test(what_is_removed_gives_its_memory_and_its_place_back_without_a_ttl),
        cmocka_unit_test(what_is_removed_with_its_interval_open_goes_when_that_is_over),
        cmocka_unit_test(what_comes_back_before_the_workers_are_told_keeps_its_samples),
    };
    return cmocka_run_group_tests_name("registry_search", tests, NULL, NULL);
}
