/* A registry filled from totals shows what one shows that the samples themselves came into. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/registry_totals.h"
#include "support/pipeline.h"

static const double bounds[] = { 0.01, 0.1, 1 };
enum { MOST = 1000 };

/* The totals of one interval, as a sink would have them. */
struct copier {
    struct registry_filling *to;
    unsigned results[TOTAL_BAD + 1];
};

/* Names that begin with t are sent in ms. */
static void copy(void *copier, const struct closed_series *s)
{
    struct copier *c = copier;
    static const uint8_t types[] = { [SERIES_COUNTER] = SAMPLE_COUNTER,
                                     [SERIES_GAUGE] = SAMPLE_GAUGE,
                                     [SERIES_TIMER] = SAMPLE_HISTOGRAM,
                                     [SERIES_SET] = SAMPLE_SET };
    struct total t = { .key = s->key, .type = types[s->kind] };
    if (s->kind == SERIES_COUNTER)
        t.value = s->counter;
    else if (s->kind == SERIES_GAUGE)
        t.value = s->gauge.value + s->gauge.delta;
    else if (s->kind == SERIES_SET)
        t.value = (double)members_count(s->set);
    else
        t.timer = t.recent = s->timer;
    if (s->kind == SERIES_GAUGE)
        t.stamp_ms = s->gauge.stamp_ms;
    if (s->kind == SERIES_TIMER && s->name.ptr[0] == 't')
        t.type = SAMPLE_TIMING;
    c->results[registry_put(c->to, &t)]++;
}

static struct copier fill(struct pipeline *to, struct pipeline *from, uint64_t most)
{
    struct snapshot snap;
    to->now_ns = from->now_ns;
    struct copier c = { .to = registry_fill(to->registry, most, to->now_ns) };
    const struct interval_end end = { .interval_ms = 10000,
                                      .now_ns = from->now_ns,
                                      .now_wall_ms = (int64_t)(from->now_ns / 1000000),
                                      .give = copy,
                                      .cookie = &c };
    registry_close(from->registry, &end, &snap);
    while (registry_give(from->registry, 100)) {}
    registry_filled(c.to);
    return c;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines, sorted: within a family they come in any order. */
static char *sorted(const char *text)
{
    char *copied = strdup(text), *lines[4096], *rest = copied, *line;
    size_t n = 0;
    struct buf out = { 0 };
    while ((line = strsep(&rest, "\n")) != NULL && n < ARRAY_LEN(lines))
        lines[n++] = line;
    qsort(lines, n, sizeof lines[0], by_text);
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s\n", lines[i]);
    buf_append_char(&out, '\0');
    free(copied);
    return out.ptr;
}

static void assert_same_page(struct pipeline *a, struct pipeline *b)
{
    char *left = sorted(pipeline_text(a)), *right = sorted(pipeline_text(b));
    assert_string_equal(left, right);
    free(left);
    free(right);
}

static void feed_all(struct pipeline *p, const char *const *lines, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pipeline_feed(p, 0, lines[i]);
    pipeline_turn(p);
}

static const char *const all_kinds[] = {
    "c:3|c",
    "c:0.5|c|@0.1|#a:1,b:2",
    "c.d:1|c",
    "c-d:2|c",
    "g:4|g",
    "g:+2|g",
    "only.changes:+7|g",
    "t:100|ms",
    "t:2500|ms",
    "t:7:8:9:10:11:12|ms|#k:v",
    "h:-3|h",
    "h:0|h",
    "s:a|s",
    "s:b|s",
    "s:a|s|#x:y",
    "both:1|g",
    "both:m|s",
    "weird-name:1|c|#k:a\"b\\c",
    "h2:0.5|h|#a",
    "h2:1e300|h|#a",
    "h2:1e-30|h|#a",
    "clash:1|c",
    "web.eu.hits:1|c|#k:v",
    "web.us.hits:2|c|#k:v",
    "web.eu.gone:1|c",
    "neg:-5|h",
};

static const struct mapping_label labels[] = { { "where", "$1" } };
static const struct mapping_rule rules[] = {
    { .match = "web.*.hits",
      .name = "hits",
      .labels = labels,
      .n_labels = 1,
      .help = "of the web" },
    { .match = "web.*.gone", .name = "gone", .drop = true },
    { .match = "c.d", .name = "mapped", .profile = 1 },
};

static void twice_as_much(struct profile *p, uint8_t number)
{
    (void)number;
    p->scale = 2;
}

#define MAPPED .rules = rules, .n_rules = ARRAY_LEN(rules), .fill = twice_as_much, .n_profiles = 1

static const struct pipeline_opts shapes[] = {
    { 0 },
    { .suffixes = true },
    { .set_steps = 6, .set_step_intervals = 1 },
    { .format = &writer_openmetrics, MAPPED },
    { .histograms = true, .buckets = bounds, .n_buckets = 3, .suffixes = true, MAPPED },
    { .histograms = true, .buckets = bounds, .n_buckets = 3, .format = &writer_openmetrics },
    { .histograms = true },
};

static void every_kind_shows_the_page_of_its_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        struct pipeline from, to;
        struct pipeline_opts bare = shapes[i];
        bare.no_sink = true;
        pipeline_init(&from, &shapes[i]);
        pipeline_init(&to, &bare);
        feed_all(&from, all_kinds, ARRAY_LEN(all_kinds));
        struct copier c = fill(&to, &from, MOST);
        assert_int_equal(c.results[TOTAL_PUT], registry_filled_series(to.registry));
        assert_int_equal(c.results[TOTAL_BAD] + c.results[TOTAL_TWICE], 0);
        assert_same_page(&from, &to);
        pipeline_release(&from);
        pipeline_release(&to);
    }
}

static void native_histograms_are_those_of_the_samples_where_they_are_shown_as_sent(void **state)
{
    (void)state;
    const struct pipeline_opts o = { .histograms = true,
                                     .buckets = bounds,
                                     .n_buckets = 3,
                                     .native_factor = 1.1,
                                     .native_max_buckets = 20 };
    struct pipeline_opts bare = o;
    bare.no_sink = true;
    struct pipeline from, to;
    pipeline_init(&from, &o);
    pipeline_init(&to, &bare);
    pipeline_feed(&from, 0, "h:0.5:0.25:3:-1:0:77:1e9|h|#a:b");
    pipeline_turn(&from);
    (void)fill(&to, &from, MOST);
    struct slice a = pipeline_protobuf(&from), b = pipeline_protobuf(&to);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.ptr, b.ptr, a.len);
    pipeline_release(&from);
    pipeline_release(&to);
}

/* ---- one total at a time ---- */

struct filled {
    struct pipeline p;
    struct registry_filling *f;
};

static void begin(struct filled *f, const struct pipeline_opts *opts, uint64_t most)
{
    struct pipeline_opts o = *opts;
    o.no_sink = true;
    pipeline_init(&f->p, &o);
    f->f = registry_fill(f->p.registry, most, f->p.now_ns);
}

static void end(struct filled *f, const char *lines)
{
    registry_filled(f->f);
    pipeline_expect(&f->p, lines);
    pipeline_release(&f->p);
}

static enum total_put put(struct filled *f, const char *key, double value)
{
    struct total t = { .key = slice_str(key), .type = SAMPLE_COUNTER, .value = value };
    return registry_put(f->f, &t);
}

static void series_of_one_line_add_up_and_one_that_comes_twice_does_not(void **state)
{
    struct filled f;
    (void)state;
    begin(&f, &(struct pipeline_opts){ 0 }, MOST);
    assert_int_equal(put(&f, "a.b", 3), TOTAL_PUT);
    assert_int_equal(put(&f, "a-b", 4), TOTAL_PUT);
    assert_int_equal(put(&f, "a.b", 300), TOTAL_TWICE);
    assert_int_equal(put(&f, "a.b|#k:v", 1), TOTAL_PUT);
    end(&f, "a_b 7\na_b{k=\"v\"} 1\n");
}

static void a_counter_below_0_is_shown_as_0(void **state)
{
    struct filled f;
    (void)state;
    begin(&f, &(struct pipeline_opts){ 0 }, MOST);
    assert_int_equal(put(&f, "a", -3), TOTAL_PUT);
    end(&f, "a 0\n");
}

static void what_is_idle_dropped_or_too_much_stays_out(void **state)
{
    struct filled f;
    (void)state;
    begin(&f, &(struct pipeline_opts){ .ttl_s = 60, MAPPED }, 2);
    struct total t = { .key = SLICE_LIT("old"), .type = SAMPLE_COUNTER, .value = 1, .idle_s = 61 };
    assert_int_equal(registry_put(f.f, &t), TOTAL_IDLE);
    t.idle_s = 60;
    assert_int_equal(registry_put(f.f, &t), TOTAL_PUT);
    assert_int_equal(put(&f, "web.x.gone", 1), TOTAL_DROPPED);
    assert_int_equal(put(&f, "b", 1), TOTAL_PUT);
    assert_int_equal(put(&f, "c", 1), TOTAL_LIMITED);
    end(&f, "old 1\nb 1\n");
}

static void a_key_that_is_no_series_is_told(void **state)
{
    struct filled f;
    static const char *const bad[] = {
        "",        "|#a:b", "a|",         "a|#",        "a|b:c", "a|#b",         "a|#b:c,",
        "a|#,b:c", "a|#:c", "a|#b:c,b:d", "a|#c:1,b:2", "a\xff", "a|#b:\xc0\x80"
    };
    (void)state;
    begin(&f, &(struct pipeline_opts){ 0 }, MOST);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(put(&f, bad[i], 1), TOTAL_BAD);
    const struct total t = { .key = SLICE_LIT("g"),
                             .type = SAMPLE_GAUGE,
                             .instance = SLICE_LIT("web\xff") };
    assert_int_equal(registry_put(f.f, &t), TOTAL_BAD);
    assert_int_equal(put(&f, "a|#b:", 1), TOTAL_PUT);
    assert_int_equal(put(&f, "a|#b:c:d", 2), TOTAL_PUT);
    end(&f, "a{b=\"\"} 1\na{b=\"c:d\"} 2\n");
}

static void an_instance_is_a_label_unless_there_is_one(void **state)
{
    struct filled f;
    static const char *const keys[] = { "g", "g|#a:1", "g|#z:1", "g|#a:1,z:1", "g|#instance:mine" };
    (void)state;
    begin(&f, &(struct pipeline_opts){ 0 }, MOST);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct total t = { .key = slice_str(keys[i]),
                           .type = SAMPLE_GAUGE,
                           .instance = SLICE_LIT("web-1"),
                           .value = (double)i,
                           .stamp_ms = 5 };
        assert_int_equal(registry_put(f.f, &t), TOTAL_PUT);
    }
    end(&f, "g{instance=\"web-1\"} 0\ng{a=\"1\",instance=\"web-1\"} 1\n"
            "g{instance=\"web-1\",z=\"1\"} 2\ng{a=\"1\",instance=\"web-1\",z=\"1\"} 3\n"
            "g{instance=\"mine\"} 4\n");
}

static void of_gauges_on_one_line_the_latest_is_shown(void **state)
{
    struct filled f;
    struct total t = { .key = SLICE_LIT("a.b"), .type = SAMPLE_GAUGE, .value = 1, .stamp_ms = 900 };
    (void)state;
    begin(&f, &(struct pipeline_opts){ 0 }, MOST);
    assert_int_equal(registry_put(f.f, &t), TOTAL_PUT);
    t = (struct total){
        .key = SLICE_LIT("a-b"), .type = SAMPLE_GAUGE, .value = 2, .stamp_ms = 800
    };
    assert_int_equal(registry_put(f.f, &t), TOTAL_PUT);
    end(&f, "a_b 1\n");
}

/* ---- counts by bound ---- */

static double count_of(struct pipeline *p, const char *line)
{
    const char *text = pipeline_lines(p), *at = strstr(text, line);
    assert_non_null(at);
    return strtod(at + strlen(line), NULL);
}

static double at_bound(const struct sketch *k, double bound)
{
    struct filled f;
    const struct pipeline_opts o = { .histograms = true, .buckets = &bound, .n_buckets = 1 };
    begin(&f, &o, MOST);
    struct total t = { .key = SLICE_LIT("h"), .type = SAMPLE_HISTOGRAM, .timer = k };
    assert_int_equal(registry_put(f.f, &t), TOTAL_PUT);
    registry_filled(f.f);
    char line[64];
    snprintf(line, sizeof line, "h_bucket{le=\"%.17g\"} ", bound);
    double n = count_of(&f.p, line);
    pipeline_release(&f.p);
    return n;
}

/* Also when the range grows so much that buckets join, which a native histogram's do as well. */
static void a_count_by_bound_has_all_up_to_it_and_never_falls(void **state)
{
    enum { VALUES = 4000 };
    static double v[VALUES];
    struct sketch k;
    double last = 0;
    (void)state;
    sketch_setup();
    sketch_init(&k, SKETCH_SCHEMA_DEFAULT);
    srand48(7);
    for (int i = 0; i < VALUES; i++) {
        v[i] = i < VALUES / 2 ? 20 * drand48() - 5 : (drand48() - 0.3) * pow(10, i / 300.0);
        assert_int_equal(sketch_add(&k, v[i], 1), 0);
        if (i % 50 != 49)
            continue;
        double below = 0, near = 0;
        for (int n = 0; n <= i; n++) {
            below += v[n] <= 4.5;
            near += v[n] <= 4.5 * exp2(exp2(-k.pos.schema));
        }
        const double n = at_bound(&k, 4.5);
        assert_true(n >= last && n >= below && n <= near);
        last = n;
    }
    sketch_release(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_shows_the_page_of_its_samples),
        cmocka_unit_test(native_histograms_are_those_of_the_samples_where_they_are_shown_as_sent),
        cmocka_unit_test(series_of_one_line_add_up_and_one_that_comes_twice_does_not),
        cmocka_unit_test(a_counter_below_0_is_shown_as_0),
        cmocka_unit_test(what_is_idle_dropped_or_too_much_stays_out),
        cmocka_unit_test(a_key_that_is_no_series_is_told),
        cmocka_unit_test(an_instance_is_a_label_unless_there_is_one),
        cmocka_unit_test(of_gauges_on_one_line_the_latest_is_shown),
        cmocka_unit_test(a_count_by_bound_has_all_up_to_it_and_never_falls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
