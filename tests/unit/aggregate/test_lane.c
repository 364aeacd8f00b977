/*
 * A lane: which hook is called when, and when a sample arrived.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/event_ring.h"
#include "aggregate/lane.h"
#include "base/buf.h"
#include "base/mem.h"

enum { SECOND = 1000000000 };

/* A lane that writes down what its hooks are told, separated by blanks. */
struct rig {
    struct series_limit limit;
    struct profiles *profiles;
    struct lane *lane;
    struct lane_source source;
    struct buf told;
    uint64_t arrivals[INGEST_BATCH_MAX]; /* of the samples of the last batch */
    uint32_t n;
    uint64_t told_ns; /* arrival of the event or check that was told last */
};

static void on_datagram(void *cookie, const struct lane_datagram *d)
{
    struct rig *r = cookie;
    buf_printf(&r->told, "datagram:%zu%s ", d->len, d->truncated ? ",cut" : "");
}

static void on_batch(void *cookie, const struct batch *b)
{
    struct rig *r = cookie;
    buf_printf(&r->told, "batch:");
    for (uint32_t i = 0; i < b->n; i++)
        buf_printf(&r->told, "%.*s,", (int)b->samples[i].name_len, b->samples[i].name);
    buf_append_char(&r->told, ' ');
    r->n = b->n < ARRAY_LEN(r->arrivals) ? b->n : ARRAY_LEN(r->arrivals);
    uint32_t a = 0;
    for (uint32_t i = 0; b->n_arrivals > 0 && i < r->n; i++) {
        while (a + 1 < b->n_arrivals && b->arrivals[a + 1].at <= i)
            a++;
        r->arrivals[i] = b->arrivals[a].ns + (i - b->arrivals[a].at);
    }
}

static void on_event(void *cookie, const struct event *e, uint64_t at_ns)
{
    struct rig *r = cookie;
    r->told_ns = at_ns;
    buf_printf(&r->told, "event:%.*s ", (int)e->title.len, e->title.ptr);
}

static void on_check(void *cookie, const struct service_check *c, uint64_t at_ns)
{
    struct rig *r = cookie;
    r->told_ns = at_ns;
    buf_printf(&r->told, "check:%.*s ", (int)c->name.len, c->name.ptr);
}

static void on_rejected(void *cookie, const struct parse_error *e)
{
    buf_printf(cookie, "rejected:%.*s ", (int)e->line.len, e->line.ptr);
}

static void on_refused(void *cookie, const struct sample *s, enum reason why)
{
    buf_printf(cookie, "refused:%.*s,%s ", (int)s->name_len, s->name,
               why == REASON_NONE ? "limit" : reason_name(why));
}

static const struct lane_taps all_taps = {
    .on_datagram = on_datagram,
    .on_batch = on_batch,
    .on_event = on_event,
    .on_check = on_check,
};
static const struct lane_refusals all_refusals = { .on_rejected = on_rejected,
                                                   .on_refused = on_refused };

static struct rig *rig_new(const struct lane_taps *taps, const struct lane_refusals *refusals)
{
    struct rig *r = mem_zalloc(sizeof *r);
    assert_int_equal(series_limit_init(&r->limit, 3), 0);
    r->profiles =
        profiles_new(&(struct profile){ .histogram = true, .sketch_schema = 5, .scale = 1 });
    struct lane_opts o = {
        .parse = PARSE_OPTS_DEFAULT,
        .ingest = { .tags = TAGS_OPTS_DEFAULT, .profiles = r->profiles, .limit = &r->limit },
        .taps = *taps,
        .refusals = *refusals,
    };
    o.taps.cookie = r;
    o.refusals.cookie = &r->told; /* not that of the taps */
    assert_int_equal(lane_new(&o, &r->lane), 0);
    lane_begin(r->lane, &r->source, (struct lane_clock){ .now_ns = SECOND });
    return r;
}

static void rig_free(struct rig *r)
{
    lane_free(r->lane);
    profiles_free(r->profiles);
    series_limit_release(&r->limit);
    buf_release(&r->told);
    free(r);
}

static void feed(struct rig *r, const char *text, bool truncated)
{
    lane_datagram(r->lane, &(struct lane_datagram){
                               .ptr = text, .len = strlen(text), .truncated = truncated });
}

static void feed_at(struct rig *r, const char *text, uint64_t stamp_ns)
{
    lane_datagram(
        r->lane, &(struct lane_datagram){ .ptr = text, .len = strlen(text), .stamp_ns = stamp_ns });
}

/* What was told since the last call. */
static void expect(struct rig *r, const char *want)
{
    buf_append_char(&r->told, '\0');
    assert_string_equal(r->told.ptr, want);
    buf_clear(&r->told);
}

/* ---- hooks ---- */

static void hooks_are_called_in_the_order_of_what_they_show(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(&all_taps, &all_refusals);
    feed(r, "a:1|c\n_e{1,1}:t|x\nbad\n_sc|db|0\nb:1|g\nc:1|s\nd:1|c", false);
    expect(r, "datagram:48 event:t rejected:bad check:db ");
    feed(r, "a:2|c", true);
    expect(r, "datagram:5,cut rejected:a:2|c ");
    lane_flush(r->lane);
    expect(r, "batch:a,b,c,d, refused:d,limit "); /* three series, and no more */
    const struct ingest_counters *stats = ingest_stats(lane_ingest(r->lane));
    assert_int_equal(stats->v[INGEST_SAMPLES_READ], 6);
    assert_int_equal(stats->v[INGEST_SAMPLES_AGGREGATED], 3);
    assert_int_equal(stats->v[INGEST_SAMPLES_REFUSED], 1);
    assert_int_equal(stats->events[EVENT_ALERT_INFO], 1);
    assert_int_equal(stats->checks[CHECK_OK], 1);
    rig_free(r);
}

static void a_sum_that_would_not_be_finite_is_told_with_its_reason(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(&(struct lane_taps){ 0 }, &all_refusals);
    feed(r, "a:1e308|c\na:1e308|c", false);
    lane_flush(r->lane);
    expect(r, "refused:a,bad_value ");
    rig_free(r);
}

static void only_the_reasons_asked_for_are_told(void **unused)
{
    (void)unused;
    uint32_t reasons = 1u << REASON_NO_COLON;
    struct lane_refusals refusals = all_refusals;
    refusals.reasons = &reasons;
    struct rig *r = rig_new(&(struct lane_taps){ 0 }, &refusals);
    feed(r, "bad\na:x|c", false);
    expect(r, "rejected:bad ");
    reasons = 1u << REASON_BAD_VALUE;
    feed(r, "bad\na:x|c", false);
    expect(r, "rejected:a:x|c ");
    lane_flush(r->lane);
    rig_free(r);
}

static void a_lane_without_hooks_counts_all_the_same(void **unused)
{
    (void)unused;
    struct rig *r = rig_new(&(struct lane_taps){ 0 }, &(struct lane_refusals){ 0 });
    feed(r, "a:1|c\n_e{1,1}:t|x\nbad\n_sc|db|0\nb:1|g\nc:1|s\nd:1|c", false);
    lane_flush(r->lane);
    const struct ingest_counters *stats = ingest_stats(lane_ingest(r->lane));
    assert_int_equal(stats->v[INGEST_LINES], 7);
    assert_int_equal(stats->v[INGEST_SAMPLES_READ], 5);
    assert_int_equal(stats->v[INGEST_SAMPLES_AGGREGATED] + stats->v[INGEST_SAMPLES_REFUSED], 4);
    rig_free(r);
}

static void a_batch_that_is_full_is_told_before_the_rest_of_its_datagram(void **unused)
{
    (void)unused;
    struct lane_taps taps = { .on_batch = on_batch };
    struct rig *r = rig_new(&taps, &(struct lane_refusals){ 0 });
    struct buf text = { 0 };
    for (int i = 0; i < INGEST_BATCH_MAX + 1; i++)
        buf_append_str(&text, "a:1|c\n");
    buf_append_char(&text, '\0');
    feed(r, text.ptr, false);
    assert_int_equal(r->n, INGEST_BATCH_MAX);
    assert_int_equal(lane_next_ns(r->lane), SECOND + INGEST_BATCH_MAX + 1);
    lane_flush(r->lane);
    assert_int_equal(r->n, 1);
    assert_int_equal(lane_next_ns(r->lane), SECOND + INGEST_BATCH_MAX + 1);
    buf_release(&text);
    rig_free(r);
}

/* ---- when samples arrived ---- */

static void a_stamp_of_the_wall_clock_becomes_one_of_the_monotonic_clock(void **unused)
{
    (void)unused;
    const uint64_t wall = 500ull * SECOND, now = 100ull * SECOND;
    const int64_t ahead = (int64_t)(wall - now);
    static const struct {
        int64_t ago; /* of the stamp; -1: none */
        int64_t want_ago;
    } rows[] = {
        { 3000, 3000 }, /* the first sample arrived then ... */
        { 2000, 2000 },
        { 2500,
          1996 },  /* ... and never before what the source brought last: 2000, 1999 and 1998 ago */
        { -1, 0 }, /* not told: when it was read */
        { -5 * (int64_t)SECOND,
          -4 }, /* the wall clock was set back since: not in the future, but after the last */
        { 200ull * SECOND, -8 }, /* longer ago than the machine runs */
    };
    struct rig *r =
        rig_new(&(struct lane_taps){ .on_batch = on_batch }, &(struct lane_refusals){ 0 });
    lane_begin(r->lane, &r->source, (struct lane_clock){ now, ahead });
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        feed_at(r, "a:1|c\na:1|c\na:1|c", rows[i].ago == -1 ? 0 : wall - (uint64_t)rows[i].ago);
    lane_flush(r->lane);
    assert_int_equal(r->n, 3 * ARRAY_LEN(rows));
    for (size_t i = 0; i < r->n; i++)
        assert_int_equal((int64_t)(now - r->arrivals[i]), rows[i / 3].want_ago - (int64_t)(i % 3));
    rig_free(r);
}

static void each_of_many_stamped_datagrams_keeps_its_stamp(void **unused)
{
    (void)unused;
    enum { MANY = 3 * BATCH_ARRIVALS_MAX + 7 };
    const uint64_t wall = 500ull * SECOND, now = 100ull * SECOND;
    const int64_t ahead = (int64_t)(wall - now);
    struct rig *r =
        rig_new(&(struct lane_taps){ .on_batch = on_batch }, &(struct lane_refusals){ 0 });
    lane_begin(r->lane, &r->source, (struct lane_clock){ now, ahead });
    for (unsigned i = 0; i < MANY; i++)
        feed_at(r, "a:1|c", wall - 1000 * (MANY - i));
    lane_flush(r->lane);
    assert_true(r->n > 0 && r->n <= BATCH_ARRIVALS_MAX);
    for (unsigned i = 0; i < r->n; i++)
        assert_int_equal(now - r->arrivals[i], 1000 * (r->n - i));
    assert_int_equal(ingest_stats(lane_ingest(r->lane))->v[INGEST_SAMPLES_AGGREGATED], MANY);
    rig_free(r);
}

static void an_event_or_check_is_told_with_the_arrival_of_its_datagram(void **unused)
{
    (void)unused;
    const uint64_t wall = 500ull * SECOND, now = 100ull * SECOND;
    struct rig *r = rig_new(&all_taps, &(struct lane_refusals){ 0 });
    lane_begin(r->lane, &r->source, (struct lane_clock){ now, (int64_t)(wall - now) });
    feed_at(r, "a:1|c\n_e{1,1}:t|x", wall - 3000);
    assert_int_equal(now - r->told_ns, 3000);
    feed_at(r, "_sc|db|0", wall - 1000);
    assert_int_equal(now - r->told_ns, 1000);
    feed_at(r, "_sc|db|0", 0);
    assert_int_equal(r->told_ns, now);
    lane_flush(r->lane);
    lane_begin(r->lane, &r->source, (struct lane_clock){ .now_ns = now + SECOND });
    feed(r, "_e{1,1}:t|x", false);
    assert_int_equal(r->told_ns, now + SECOND);
    lane_flush(r->lane);
    rig_free(r);
}

/* The stamps of the two order their changes, not the order in which they were read. */
static void two_sources_keep_their_own_time_and_their_own_sign(void **unused)
{
    (void)unused;
    const uint64_t wall = 500ull * SECOND, now = 100ull * SECOND;
    const int64_t ahead = (int64_t)(wall - now);
    struct lane_source absolute = { .gauge_sign = GAUGE_SIGN_ABSOLUTE },
                       delta = { .gauge_sign = GAUGE_SIGN_DELTA };
    struct rig *r = rig_new(&all_taps, &all_refusals);
    lane_begin(r->lane, &absolute, (struct lane_clock){ now, ahead });
    feed_at(r, "g:-5|g", wall - 1000);
    lane_flush(r->lane);
    assert_int_equal(now - r->arrivals[0], 1000);
    assert_false(ingest_saw_relative(lane_ingest(r->lane)));
    lane_begin(r->lane, &delta, (struct lane_clock){ now, ahead });
    feed_at(r, "g:-5|g", wall - 2000);
    lane_flush(r->lane);
    assert_int_equal(now - r->arrivals[0], 2000);
    assert_true(ingest_saw_relative(lane_ingest(r->lane)));
    assert_true(absolute.arrived_ns > delta.arrived_ns);
    rig_free(r);
}

/* Both ends of each are on borders of MEM_APART; base/mem and static asserts see to the rest. */
static void what_lanes_write_shares_no_cache_lines_with_what_others_write(void **unused)
{
    (void)unused;
    struct rig *one = rig_new(&all_taps, &all_refusals), *two = rig_new(&all_taps, &all_refusals);
    struct event_ring *ring = event_ring_new(4096);
    const void *begins[] = { one->lane, two->lane, lane_ingest(one->lane), lane_ingest(two->lane),
                             ring };
    for (size_t i = 0; i < ARRAY_LEN(begins); i++)
        assert_int_equal((uintptr_t)begins[i] % MEM_APART, 0);
    struct batch b;
    assert_int_equal(batch_init(&b, INGEST_BATCH_MAX, 512), 0);
    assert_int_equal((uintptr_t)b.samples % MEM_APART, 0);
    assert_int_equal((uintptr_t)b.values % MEM_APART, 0);
    assert_int_equal((uintptr_t)b.scratch % MEM_APART, 0);
    batch_release(&b);
    event_ring_free(ring);
    rig_free(one);
    rig_free(two);
}

/* A datagram of more samples than a batch: each a nanosecond behind the one before, all the way. */
static void a_stamp_goes_on_past_a_full_batch(void **unused)
{
    (void)unused;
    enum { MORE = 10, MANY = INGEST_BATCH_MAX + MORE };
    const uint64_t wall = 500ull * SECOND, now = 100ull * SECOND, stamp = wall - 1000000;
    struct buf text = { 0 };
    struct rig *r =
        rig_new(&(struct lane_taps){ .on_batch = on_batch }, &(struct lane_refusals){ 0 });
    lane_begin(r->lane, &r->source, (struct lane_clock){ now, (int64_t)(wall - now) });
    for (unsigned i = 0; i < MANY; i++)
        buf_append_str(&text, "a:1|c\n");
    buf_append_char(&text, '\0');
    feed_at(r, text.ptr, stamp);
    assert_int_equal(r->n, INGEST_BATCH_MAX);
    assert_int_equal(now - r->arrivals[0], 1000000);
    lane_flush(r->lane);
    assert_int_equal(r->n, MORE);
    for (unsigned i = 0; i < MORE; i++)
        assert_int_equal(now - r->arrivals[i], 1000000 - (INGEST_BATCH_MAX + i));
    feed_at(r, "a:1|c", stamp); /* the next one comes behind all of them */
    lane_flush(r->lane);
    assert_int_equal(now - r->arrivals[0], 1000000 - (MANY + 1));
    buf_release(&text);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hooks_are_called_in_the_order_of_what_they_show),
        cmocka_unit_test(a_sum_that_would_not_be_finite_is_told_with_its_reason),
        cmocka_unit_test(only_the_reasons_asked_for_are_told),
        cmocka_unit_test(a_lane_without_hooks_counts_all_the_same),
        cmocka_unit_test(a_batch_that_is_full_is_told_before_the_rest_of_its_datagram),
        cmocka_unit_test(a_stamp_of_the_wall_clock_becomes_one_of_the_monotonic_clock),
        cmocka_unit_test(each_of_many_stamped_datagrams_keeps_its_stamp),
        cmocka_unit_test(an_event_or_check_is_told_with_the_arrival_of_its_datagram),
        cmocka_unit_test(two_sources_keep_their_own_time_and_their_own_sign),
        cmocka_unit_test(what_lanes_write_shares_no_cache_lines_with_what_others_write),
        cmocka_unit_test(a_stamp_goes_on_past_a_full_batch),
    };
    return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
