/**
 * Any bytes as a mapping file and datagrams, the whole way: load, compile, lane, registry, and
 * /metrics in every format, each of which has to be one that a scraper reads.
 *
 *     7             options, a bit each: see options_of
 *     mappings:     the mapping file
 *     ...
 *     ====          a line that ends it, and each datagram
 *     a.b:1|c
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/registry.h"
#include "aggregate/registry_interval.h"
#include "app/core_mapping.h"
#include "app/core_opts.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "expose/render.h"
#include "protocol/parse.h"
#include "support/protobuf_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPTIONS = 32, SECOND = 1000000000 };

/* Loaded once: it takes longer than all the rest. */
static const struct config *options_of(unsigned bits)
{
    static struct config all[OPTIONS];
    static const char *const sets[][2] = {
        { "prometheus.suffixes=off", "prometheus.suffixes=on" },
        { "prometheus.observer_type=summary", "prometheus.observer_type=histogram" },
        { "prometheus.native_histogram_factor=0", "prometheus.native_histogram_factor=1.1" },
        { "aggregate.set_window=0", "aggregate.set_window=1m" },
        { "limits.max_series=1000", "limits.max_series=3" },
    };
    const char *words[ARRAY_LEN(sets)];
    struct buf errors = { 0 };
    if (all[bits].n_sockets > 0)
        return &all[bits];
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        words[i] = sets[i][bits >> i & 1];
    const struct config_source src = { .sets = words, .n_sets = ARRAY_LEN(words) };
    if (config_load(&src, &all[bits], &errors) < 0)
        abort();
    return &all[bits];
}

/* ---- text and OpenMetrics ---- */

static bool is_name(char c, bool first)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    return letter || (!first && c >= '0' && c <= '9');
}

static struct slice take_name(struct slice *rest)
{
    size_t n = 0;
    while (n < rest->len && is_name(rest->ptr[n], n == 0))
        n++;
    assert(n > 0);
    struct slice name = slice_of(rest->ptr, n);
    *rest = slice_of(rest->ptr + n, rest->len - n);
    return name;
}

static void take(struct slice *rest, const char *text)
{
    assert(slice_starts(*rest, slice_str(text)));
    *rest = slice_of(rest->ptr + strlen(text), rest->len - strlen(text));
}

static void take_quoted(struct slice *rest)
{
    take(rest, "\"");
    while (rest->len > 0 && rest->ptr[0] != '"') {
        size_t n = rest->ptr[0] == '\\' ? 2 : 1;
        assert(n == 1 || (rest->len > 1 && strchr("\\\"n", rest->ptr[1]) != NULL));
        *rest = slice_of(rest->ptr + n, rest->len - n);
    }
    take(rest, "\"");
}

struct texts {
    struct slice *at;
    size_t n, cap;
};

static void keep(struct texts *t, struct slice s)
{
    t->at = mem_grow(t->at, &t->cap, t->n + 1, sizeof *t->at);
    t->at[t->n++] = s;
}

static int order(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static void check_unique(struct texts *t)
{
    if (t->n > 0)
        qsort(t->at, t->n, sizeof *t->at, order);
    for (size_t i = 1; i < t->n; i++)
        assert(!slice_eq(t->at[i - 1], t->at[i]));
    free(t->at);
}

static void take_labels(struct slice *rest)
{
    struct texts keys = { 0 };
    take(rest, "{");
    for (;;) {
        keep(&keys, take_name(rest));
        take(rest, "=");
        take_quoted(rest);
        if (rest->len > 0 && rest->ptr[0] == '}')
            break;
        take(rest, ",");
    }
    take(rest, "}");
    check_unique(&keys);
}

static void check_number(struct slice s)
{
    char *text = mem_strndup(s.ptr, s.len), *end;
    strtod(text, &end);
    assert(s.len > 0 && *end == '\0' && text[0] != ' ');
    free(text);
}

/* Is name one of the lines that a family of that name and type has? */
static bool belongs(struct slice name, struct slice family)
{
    static const char *const suffixes[] = { "", "_sum", "_count", "_bucket", "_total", "_created" };
    bool does = false;
    assert(slice_starts(name, family));
    struct slice tail = slice_of(name.ptr + family.len, name.len - family.len);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
        does = does || slice_eq(tail, slice_str(suffixes[i]));
    return does;
}

static void check_text(struct slice text, bool openmetrics)
{
    struct texts series = { 0 }, families = { 0 };
    struct slice line, family = { 0 };
    bool ended = false;
    assert(utf8_valid(text) && (text.len == 0 || text.ptr[text.len - 1] == '\n'));
    while (slice_cut(&text, '\n', &line)) {
        assert(!ended);
        if (openmetrics && slice_eq(line, SLICE_LIT("# EOF"))) {
            ended = true;
            continue;
        }
        bool type = slice_starts(line, SLICE_LIT("# TYPE "));
        if (type || slice_starts(line, SLICE_LIT("# HELP "))) {
            struct slice rest = slice_of(line.ptr + 7, line.len - 7);
            family = take_name(&rest);
            take(&rest, " ");
            if (type)
                keep(&families, family);
            continue;
        }
        struct slice rest = line;
        assert(belongs(take_name(&rest), family));
        if (rest.len > 0 && rest.ptr[0] == '{')
            take_labels(&rest);
        keep(&series, slice_of(line.ptr, line.len - rest.len));
        take(&rest, " ");
        check_number(rest);
    }
    assert(text.len == 0 && ended == openmetrics);
    check_unique(&series);
    check_unique(&families);
}

/* ---- the way there ---- */

struct world {
    struct core_mapping mapping;
    struct series_limit limit;
    struct lane *lane;
    struct lane_source source;
    struct registry *registry;
    struct writer *writers[WRITER_COUNT];
    uint64_t now_ns;
};

static void world_init(struct world *w, const struct config *c)
{
    struct lane_opts lane = core_lane_opts(c, &w->mapping, &w->limit);
    struct registry_opts registry = core_registry_opts(c, &w->mapping, &w->limit);
    registry.births = registry.keep_intervals = true;
    w->now_ns = 1000 * (uint64_t)SECOND;
    if (series_limit_init(&w->limit, c->limits_max_series) < 0 || lane_new(&lane, &w->lane) < 0)
        abort();
    w->registry = registry_new(&registry);
    for (size_t i = 0; i < WRITER_COUNT; i++)
        w->writers[i] = writers[i]->open(&(struct writer_opts){ .registry = w->registry });
}

static void world_release(struct world *w)
{
    for (size_t i = 0; i < WRITER_COUNT; i++)
        w->writers[i]->ops->close(w->writers[i]);
    registry_free(w->registry);
    lane_free(w->lane);
    series_limit_release(&w->limit);
    core_mapping_release(&w->mapping);
}

static void check_conservation(const struct page *page)
{
    const struct ingest_counters *n = page_stats(page);
    uint64_t others = 0;
    for (size_t i = 0; i < REASON_COUNT; i++)
        others += page_rejected(page)[i];
    for (size_t i = 0; i < INGEST_DROP_COUNT; i++)
        others += n->dropped[i];
    assert(n->v[INGEST_SAMPLES_READ] ==
           n->v[INGEST_SAMPLES_AGGREGATED] + n->v[INGEST_SAMPLES_REFUSED] + others);
}

/* Families of native histograms alone have to be read as such. */
static void check_native(struct world *w, struct slice body)
{
    static struct protobuf_native native;
    size_t n;
    struct family *const *families = registry_families(w->registry, &n);
    for (size_t i = 0; i < n; i++) {
        bool all = families[i]->type == FAMILY_HISTOGRAM && families[i]->n > 0;
        for (size_t k = 0; all && k < families[i]->n; k++) {
            struct exposed_view v;
            registry_view(w->registry, families[i]->exposed[k], w->now_ns, &v);
            all = v.shown && profile_native(v.profile);
        }
        if (all)
            protobuf_native(body, families[i]->name, &native);
    }
}

static void render(struct world *w)
{
    struct buf out = { 0 }, text = { 0 };
    for (size_t i = 0; i < WRITER_COUNT; i++) {
        buf_clear(&out);
        render_all(w->writers[i], w->registry, w->now_ns, &out);
        if (i != WRITER_PROTOBUF)
            check_text(buf_slice(&out), i == WRITER_OPENMETRICS);
        else {
            protobuf_as_text(buf_slice(&out), &text);
            check_native(w, buf_slice(&out));
        }
    }
    check_text(buf_slice(&text), false);
    buf_release(&text);
    buf_release(&out);
}

static void take_datagram(struct world *w, struct slice d)
{
    struct snapshot closed;
    char *exact = mem_alloc(d.len);
    memcpy(exact, d.ptr, d.len);
    lane_begin(w->lane, &w->source, (struct lane_clock){ .now_ns = w->now_ns });
    lane_datagram(w->lane, &(struct lane_datagram){ .ptr = exact, .len = d.len });
    lane_flush(w->lane);
    free(exact);
    if (!ingest_turn(lane_ingest(w->lane), w->now_ns))
        abort();
    struct page *page = ingest_take(lane_ingest(w->lane));
    registry_merge(w->registry, page, w->now_ns);
    check_conservation(page);
    ingest_give(lane_ingest(w->lane), page);
    registry_close(w->registry, &(struct interval_end){ .interval_ms = 10000, .now_ns = w->now_ns },
                   &closed);
    (void)registry_give(w->registry, SIZE_MAX);
    render(w);
    w->now_ns += 200 * (uint64_t)SECOND;
    registry_expire(w->registry, w->now_ns);
}

static struct slice take_part(struct slice *rest)
{
    static const char end[] = "\n====\n";
    const char *at = rest->len > 0 ? memmem(rest->ptr, rest->len, end, strlen(end)) : NULL;
    struct slice part = slice_of(rest->ptr, at != NULL ? (size_t)(at - rest->ptr) : rest->len);
    size_t gone = part.len + (at != NULL ? strlen(end) : 0);
    *rest = slice_of(rest->ptr + gone, rest->len - gone);
    return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = { 0 };
    struct buf errors = { 0 };
    if (size < 2)
        return 0;
    const struct config *c = options_of(data[0] % OPTIONS);
    struct slice rest = slice_of((const char *)data + 1, size - 1);
    struct slice mapping = take_part(&rest);
    if (core_mapping_load_text(c, "fuzz.yml", mapping, &w.mapping, &errors) == 0) {
        world_init(&w, c);
        for (int i = 0; i < 20 && rest.len > 0; i++) {
            struct slice d = take_part(&rest);
            take_datagram(&w, slice_of(d.ptr, d.len < DATAGRAM_MAX ? d.len : DATAGRAM_MAX));
        }
        render(&w);
        world_release(&w);
    }
    buf_release(&errors);
    return 0;
}
