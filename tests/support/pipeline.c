#include "support/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/number.h"

static const double quantiles_default[] = { 0.5, 0.9, 0.99 };

static void fill_defaults(struct pipeline_opts *o)
{
    o->workers = o->workers ? o->workers : 1;
    o->max_series = o->max_series ? o->max_series : 1000000;
    o->format = o->format != NULL ? o->format : &writer_text;
    if (o->quantiles == NULL) {
        o->quantiles = quantiles_default;
        o->n_quantiles = ARRAY_LEN(quantiles_default);
    }
    o->max_age_ms = o->max_age_ms ? o->max_age_ms : 600000;
    o->age_buckets = o->age_buckets ? o->age_buckets : 5;
    o->set_step_intervals = o->set_step_intervals ? o->set_step_intervals : 1;
    if (o->tags.max_tags == 0)
        o->tags = TAGS_OPTS_DEFAULT;
}

static struct mapping *make_mapping(const struct pipeline_opts *o)
{
    struct mapping *ret = NULL;
    if (o->n_rules == 0)
        return NULL;
    struct mapping_rule *rules = mem_alloc(o->n_rules * sizeof *rules);
    for (size_t i = 0; i < o->n_rules; i++) {
        rules[i] = o->rules[i];
        rules[i].classes = rules[i].classes == 0 ? 7 : rules[i].classes;
    }
    const struct mapping_opts m = { .rules = rules, .n_rules = o->n_rules };
    assert_int_equal(mapping_new(&m, &ret), 0);
    free(rules);
    return ret;
}

static struct profiles *make_profiles(const struct pipeline_opts *o)
{
    struct profiles *ret =
        profiles_new(&(struct profile){ .histogram = o->histograms,
                                        .buckets = o->buckets,
                                        .n_buckets = o->n_buckets,
                                        .native_factor = o->native_factor,
                                        .native_max_buckets = o->native_max_buckets,
                                        .native_zero_threshold = o->native_zero_threshold,
                                        .quantiles = o->quantiles,
                                        .n_quantiles = o->n_quantiles,
                                        .summary_max_age_ms = o->max_age_ms,
                                        .summary_age_buckets = o->age_buckets,
                                        .set_steps = o->set_steps,
                                        .set_step_intervals = o->set_step_intervals,
                                        .sketch_schema = SKETCH_SCHEMA_DEFAULT,
                                        .ttl_s = o->ttl_s,
                                        .scale = 1 });
    for (uint8_t i = 1; i <= o->n_profiles; i++) {
        struct profile more = *profiles_at(ret, 0);
        o->fill(&more, i);
        assert_int_equal(profiles_intern(ret, &more)->index, i);
    }
    return ret;
}

void pipeline_init(struct pipeline *p, const struct pipeline_opts *opts)
{
    *p = (struct pipeline){ .opts = *opts, .now_ns = 1000 * PIPELINE_SECOND };
    struct pipeline_opts *o = &p->opts;
    fill_defaults(o);
    assert_int_equal(series_limit_init(&p->limit, o->max_series), 0);
    assert_int_equal(series_limit_shares(&p->limit, &o->limits), 0);
    p->profiles = make_profiles(o);
    p->mapping = make_mapping(o);
    struct lane_opts lane = { .parse = PARSE_OPTS_DEFAULT,
                              .ingest = { .tags = o->tags,
                                          .profiles = p->profiles,
                                          .mapping = p->mapping,
                                          .limit = &p->limit } };
    lane.parse.name_tags = o->name_tags;
    lane.parse.origins = series_limit_by_origin(&p->limit);
    if (o->exemplar_tag != NULL) {
        p->cut.key = slice_str(o->exemplar_tag);
        lane.parse.exemplar_tag = p->cut.key;
        lane.parse.cut = &p->cut;
        lane.parse.n_cut = 1;
        lane.ingest.exemplars = true;
    }
    for (unsigned i = 0; i < o->workers; i++) {
        assert_int_equal(lane_new(&lane, &p->lanes[i]), 0);
        p->in[i] = lane_ingest(p->lanes[i]);
        p->sources[i].gauge_sign = o->gauge_sign;
    }
    p->registry = registry_new(&(struct registry_opts){ .suffixes = o->suffixes,
                                                        .births = o->births,
                                                        .exemplar_tag = o->exemplar_tag,
                                                        .profiles = p->profiles,
                                                        .mapping = p->mapping,
                                                        .type_idle_s = o->type_idle_s,
                                                        .keep_intervals = !o->no_sink,
                                                        .reserved = o->reserved,
                                                        .n_reserved = o->n_reserved,
                                                        .on_off_page = o->on_off_page,
                                                        .cookie = o->cookie,
                                                        .limit = &p->limit });
    p->writer = o->format->open(
        &(struct writer_opts){ .registry = p->registry, .zero_ms = PIPELINE_ZERO_MS });
}

void pipeline_release(struct pipeline *p)
{
    p->writer->ops->close(p->writer);
    registry_free(p->registry);
    for (unsigned i = 0; i < p->opts.workers; i++)
        lane_free(p->lanes[i]);
    mapping_free(p->mapping);
    profiles_free(p->profiles);
    series_limit_release(&p->limit);
    buf_release(&p->text);
    buf_release(&p->body);
}

static void feed(struct pipeline *p, unsigned worker, const char *ptr, size_t len, uint64_t now_ns)
{
    char *padded = mem_alloc(PARSE_PAD_BEFORE + len + PARSE_PAD_BEHIND);
    memset(padded, 'x', PARSE_PAD_BEFORE + len + PARSE_PAD_BEHIND);
    memcpy(padded + PARSE_PAD_BEFORE, ptr, len);
    lane_begin(p->lanes[worker], &p->sources[worker], (struct lane_clock){ .now_ns = now_ns });
    const struct lane_datagram d = {
        .ptr = padded + PARSE_PAD_BEFORE, .len = len, .padded = true, .sender = p->sender
    };
    lane_datagram(p->lanes[worker], &d);
    lane_flush(p->lanes[worker]);
    free(padded);
}

void pipeline_feed_bytes(struct pipeline *p, unsigned worker, const char *ptr, size_t len)
{
    p->now_ns += 1000;
    feed(p, worker, ptr, len, p->now_ns);
}

void pipeline_feed(struct pipeline *p, unsigned worker, const char *lines)
{
    pipeline_feed_bytes(p, worker, lines, strlen(lines));
}

void pipeline_feed_at(struct pipeline *p, unsigned worker, const char *lines, uint64_t now_ns)
{
    feed(p, worker, lines, strlen(lines), now_ns);
}

static void check_conservation(const struct pipeline *p, unsigned worker)
{
    const uint64_t *v = p->seen[worker].v;
    uint64_t rejected = 0, dropped = 0;
    for (int r = 0; r < REASON_COUNT; r++)
        rejected += p->rejected[worker][r];
    for (int d = 0; d < INGEST_DROP_COUNT; d++)
        dropped += p->seen[worker].dropped[d];
    assert_int_equal(v[INGEST_SAMPLES_READ],
                     v[INGEST_SAMPLES_AGGREGATED] + rejected + v[INGEST_SAMPLES_REFUSED] + dropped);
}

/* returns  whether another should follow soon */
static bool turn_once(struct pipeline *p, unsigned worker)
{
    p->now_ns += 1000;
    assert_true(ingest_turn(p->in[worker], p->now_ns));
    struct page *page = ingest_take(p->in[worker]);
    assert_non_null(page);
    registry_merge(p->registry, page, p->now_ns);
    p->seen[worker] = *page_stats(page);
    memcpy(p->rejected[worker], page_rejected(page), sizeof p->rejected[worker]);
    bool unswept = page_unswept(page);
    ingest_give(p->in[worker], page);
    check_conservation(p, worker);
    return unswept;
}

void pipeline_turn_worker(struct pipeline *p, unsigned worker)
{
    while (turn_once(p, worker)) {}
}

void pipeline_turn(struct pipeline *p)
{
    for (unsigned i = 0; i < p->opts.workers; i++)
        pipeline_turn_worker(p, i);
}

struct registry_remapped pipeline_remap(struct pipeline *p, const struct pipeline_opts *opts)
{
    struct pipeline_opts o = *opts;
    fill_defaults(&o);
    struct profiles *profiles = make_profiles(&o);
    struct mapping *mapping = make_mapping(&o);
    for (unsigned i = 0; i < p->opts.workers; i++) {
        struct generation *next;
        assert_int_equal(ingest_generation_new(profiles, mapping, &next), 0);
        ingest_renew(p->in[i], next);
    }
    pipeline_turn(p);
    const struct registry_remapped ret = registry_remap(p->registry, profiles, mapping, p->now_ns);
    mapping_free(p->mapping);
    profiles_free(p->profiles);
    p->mapping = mapping;
    p->profiles = profiles;
    return ret;
}

void pipeline_forward(struct pipeline *p, uint64_t seconds)
{
    p->now_ns += seconds * PIPELINE_SECOND;
}

const char *pipeline_lines(struct pipeline *p)
{
    buf_clear(&p->text);
    render_lines(p->writer, p->registry, p->now_ns, &p->text);
    buf_append_char(&p->text, '\0');
    return p->text.ptr;
}

const char *pipeline_text(struct pipeline *p)
{
    buf_clear(&p->text);
    render_all(p->writer, p->registry, p->now_ns, &p->text);
    buf_append_char(&p->text, '\0');
    return p->text.ptr;
}

struct slice pipeline_protobuf(struct pipeline *p)
{
    struct writer *w = writer_protobuf.open(&(struct writer_opts){ 0 });
    buf_clear(&p->body);
    render_all(w, p->registry, p->now_ns, &p->body);
    w->ops->close(w);
    return buf_slice(&p->body);
}

bool pipeline_has(const char *text, const char *line)
{
    size_t n = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
        if ((at == text || at[-1] == '\n') && at[n] == '\n')
            return true;
    return false;
}

static size_t count_lines(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += *text == '\n';
    return n;
}

void pipeline_expect(struct pipeline *p, const char *lines)
{
    const char *have = pipeline_lines(p);
    struct slice rest = slice_str(lines), line;
    while (slice_cut(&rest, '\n', &line)) {
        char *want = mem_strndup(line.ptr, line.len);
        if (!pipeline_has(have, want))
            fail_msg("not shown: %s\nshown:\n%s", want, have);
        free(want);
    }
    if (count_lines(have) != count_lines(lines))
        fail_msg("expected:\n%s\nshown:\n%s", lines, have);
}

static void put_number(struct buf *out, const char *before, double v)
{
    buf_append_str(out, before);
    char *to = buf_reserve(out, NUMBER_TEXT_MAX);
    out->len += number_print(to, v);
}

static void note(void *cookie, const struct closed_series *s)
{
    struct buf *out = cookie;
    buf_append_str(out, series_kind_name(s->kind));
    buf_append_char(out, ' ');
    buf_append_slice(out, s->key);
    assert_true(slice_starts(s->key, s->name));
    switch (s->kind) {
    case SERIES_COUNTER:
        put_number(out, " ", s->counter);
        break;
    case SERIES_GAUGE:
        if (s->gauge.absolute)
            put_number(out, " =", s->gauge.value);
        put_number(out, " +", s->gauge.delta);
        put_number(out, " @", (double)s->gauge.stamp_ms);
        break;
    case SERIES_TIMER:
        put_number(out, " ", s->timer->count);
        put_number(out, " ", s->timer->sum);
        break;
    case SERIES_SET:
        put_number(out, " ", (double)members_count(s->set));
        break;
    case SERIES_KIND_COUNT:
        break;
    }
    buf_append_char(out, '\n');
}

const char *pipeline_close(struct pipeline *p)
{
    return pipeline_close_as(p, false);
}

const char *pipeline_close_as(struct pipeline *p, bool goes_on)
{
    p->end = (struct interval_end){ .start_s = (int64_t)(p->now_ns / PIPELINE_SECOND) / 10 * 10,
                                    .interval_ms = 10000,
                                    .now_ns = p->now_ns,
                                    .now_wall_ms = (int64_t)(p->now_ns / 1000000) };
    struct snapshot snap;
    buf_clear(&p->text);
    p->end.give = p->opts.no_sink ? NULL : note;
    p->end.cookie = &p->text;
    p->end.goes_on = goes_on;
    registry_close(p->registry, &p->end, &snap);
    assert_int_equal(snap.start_s, p->end.start_s);
    assert_int_equal(snap.interval_ms, 10000);
    assert_false(registry_give(p->registry, SIZE_MAX));
    buf_append_char(&p->text, '\0');
    if (!p->opts.no_sink)
        assert_int_equal(count_lines(p->text.ptr), snap.n_series);
    return p->text.ptr;
}

uint64_t pipeline_stat(const struct pipeline *p, enum ingest_counter id)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < p->opts.workers; i++)
        sum += p->seen[i].v[id];
    return sum;
}

uint64_t pipeline_dropped(const struct pipeline *p, enum ingest_drop why)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < p->opts.workers; i++)
        sum += p->seen[i].dropped[why];
    return sum;
}

uint64_t pipeline_rejected(const struct pipeline *p, enum reason r)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < p->opts.workers; i++)
        sum += p->rejected[i][r];
    return sum;
}

void pipeline_print_counters(const struct pipeline *p, struct buf *out)
{
    for (int id = 0; id < INGEST_COUNTER_COUNT; id++)
        buf_printf(out, "%d=%llu ", id,
                   (unsigned long long)pipeline_stat(p, (enum ingest_counter)id));
    for (int r = 0; r < REASON_COUNT; r++)
        buf_printf(out, "%s=%llu ", reason_name((enum reason)r),
                   (unsigned long long)pipeline_rejected(p, (enum reason)r));
}

uint64_t pipeline_series(const struct pipeline *p)
{
    uint64_t sum = 0;
    for (int k = 0; k < SERIES_KIND_COUNT; k++)
        sum += registry_count(p->registry, (enum series_kind)k);
    return sum;
}
