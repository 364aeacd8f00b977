#include "sinks/prometheus.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/memory.h"
#include "base/mem.h"
#include "base/number.h"

/* `quantile="0.5"` or `le="0.1"`, ready to be put between the braces. */
struct label_text {
    char text[48];
    size_t len;
};

/* Of one profile. */
struct profile_labels {
    struct label_text *quantiles;
    struct label_text *buckets;    /* n_buckets + 1, the last is +Inf */
};

struct prometheus {
    struct profile_labels profiles[PROFILES_MAX];   /* by index; made when the profile is met
                                                       first */
    struct buf labels;                              /* of the exposed at hand */
};

static const char default_help[] = "Metric received by statsd.";

static void make_label(struct label_text *t, const char *key, double v)
{
    char number[NUMBER_TEXT_MAX];
    size_t n = number_print(number, v), k = strlen(key);
    memcpy(t->text, key, k);
    memcpy(t->text + k, "=\"", 2);
    memcpy(t->text + k + 2, number, n);
    t->text[k + 2 + n] = '"';
    t->len = k + n + 3;
}

struct prometheus *prometheus_new(void)
{
    return mem_zalloc(sizeof(struct prometheus));
}

void prometheus_free(struct prometheus *p)
{
    for (unsigned i = 0; p != NULL && i < PROFILES_MAX; i++) {
        free(p->profiles[i].quantiles);
        free(p->profiles[i].buckets);
    }
    if (p != NULL)
        buf_release(&p->labels);
    free(p);
}

static const struct profile_labels *labels_of(struct prometheus *p, const struct profile *of)
{
    struct profile_labels *l = &p->profiles[of->index];
    if (l->buckets != NULL)
        return l;
    l->quantiles = mem_zalloc(of->n_quantiles * sizeof *l->quantiles);
    l->buckets = mem_zalloc((of->n_buckets + 1) * sizeof *l->buckets);
    for (uint32_t i = 0; i < of->n_quantiles; i++)
        make_label(&l->quantiles[i], "quantile", of->quantiles[i]);
    for (uint32_t i = 0; i < of->n_buckets; i++)
        make_label(&l->buckets[i], "le", of->buckets[i]);
    make_label(&l->buckets[of->n_buckets], "le", (double)INFINITY);
    return l;
}

static void put_escaped(struct buf *out, const char *help)
{
    for (; *help != '\0'; help++) {
        if (*help == '\\' || *help == '\n')
            buf_append_char(out, '\\');
        buf_append_char(out, *help == '\n' ? 'n' : *help);
    }
}

void prometheus_put_head(struct buf *out, const char *name, const char *help, const char *word)
{
    buf_append_str(out, "# HELP ");
    buf_append_str(out, name);
    buf_append_char(out, ' ');
    put_escaped(out, help);
    buf_append_str(out, "\n# TYPE ");
    buf_append_str(out, name);
    buf_append_char(out, ' ');
    buf_append_str(out, word);
    buf_append_char(out, '\n');
}

static char *put(char *to, const void *p, size_t n)
{
    memcpy(to, p, n);
    return to + n;
}

/*
 * The labels of a line: `quantile` or `le` stands between those that sort before it and those
 * behind.
 */
struct line_labels {
    struct slice before;   /* with its last comma */
    struct slice after;
};

static size_t label_len(struct slice labels, size_t value_at)
{
    size_t i = value_at;
    while (labels.ptr[i] != '"')
        i += labels.ptr[i] == '\\' ? 2 : 1;
    return i + 1;
}

static struct line_labels split_labels(struct slice labels, struct slice key)
{
    size_t at = 0;
    while (at < labels.len) {
        const char *equals = memchr(labels.ptr + at, '=', labels.len - at);
        size_t value_at = (size_t)(equals - labels.ptr) + 2;
        if (slice_cmp(slice_of(labels.ptr + at, value_at - 2 - at), key) > 0)
            break;
        at = label_len(labels, value_at);
        at += at < labels.len;   /* the comma */
    }
    return (struct line_labels){ slice_of(labels.ptr, at),
                                 slice_of(labels.ptr + at, labels.len - at) };
}

static char *put_slice(char *to, struct slice s)
{
    return s.len > 0 ? put(to, s.ptr, s.len) : to;
}

/* A line: name, suffix, {before,extra,after}, value.  Room is made once, then bytes are copied. */
static void put_line(struct buf *out, const struct family *f, struct slice suffix,
                     struct line_labels labels, struct slice extra, double value)
{
    size_t n_labels = labels.before.len + extra.len + labels.after.len;
    char *to = buf_reserve(out, f->name_len + suffix.len + n_labels + NUMBER_TEXT_MAX + 8);
    to = put(to, f->name, f->name_len);
    to = put_slice(to, suffix);
    if (n_labels > 0) {
        *to++ = '{';
        to = put_slice(to, labels.before);
        if (labels.after.len == 0 && extra.len > 0 && labels.before.len > 0)
            *to++ = ',';
        to = put_slice(to, extra);
        if (labels.after.len > 0 && extra.len > 0)
            *to++ = ',';
        to = put_slice(to, labels.after);
        *to++ = '}';
    }
    *to++ = ' ';
    to += number_print(to, value);
    *to++ = '\n';
    out->len = (size_t)(to - out->ptr);
}

static struct slice label_slice(const struct label_text *t)
{
    return slice_of(t->text, t->len);
}

static void put_sum_and_count(const struct family *f, struct slice labels, double sum, double count,
                              struct buf *out)
{
    struct line_labels all = { .before = labels };
    put_line(out, f, SLICE_LIT("_sum"), all, SLICE_LIT(""), sum);
    put_line(out, f, SLICE_LIT("_count"), all, SLICE_LIT(""), count);
}

static void put_summary(struct prometheus *p, const struct family *f, const struct exposed_view *v,
                        struct buf *out)
{
    struct slice labels = buf_slice(&p->labels);
    struct line_labels around = split_labels(labels, SLICE_LIT("quantile"));
    const struct profile_labels *texts = labels_of(p, v->profile);
    for (uint32_t i = 0; i < v->profile->n_quantiles; i++)
        put_line(out, f, SLICE_LIT(""), around, label_slice(&texts->quantiles[i]), v->quantiles[i]);
    put_sum_and_count(f, labels, v->sum, v->count, out);
}

/*
 * _count is the sum of the buckets, so that it equals the +Inf bucket also after the rounding of
 * fractional weights.
 */
static void put_histogram(struct prometheus *p, const struct family *f,
                          const struct exposed_view *v, struct buf *out)
{
    struct slice labels = buf_slice(&p->labels);
    struct line_labels around = split_labels(labels, SLICE_LIT("le"));
    double below = 0;
    const struct profile_labels *texts = labels_of(p, v->profile);
    for (uint32_t i = 0; i <= v->profile->n_buckets; i++) {
        below = fmin(below + v->le[i], DBL_MAX);   /* rounding may pass the count */
        put_line(out, f, SLICE_LIT("_bucket"), around, label_slice(&texts->buckets[i]), below);
    }
    put_sum_and_count(f, labels, v->sum, below, out);
}

static void put_exposed(struct prometheus *p, struct registry *r, const struct family *f,
                        struct exposed *e, uint64_t now_ns, struct buf *out)
{
    struct exposed_view v;
    registry_view(r, e, now_ns, &v);
    if (!v.shown)
        return;
    buf_clear(&p->labels);
    exposed_labels(e, &p->labels);
    struct line_labels labels = { .before = buf_slice(&p->labels) };
    struct slice none = SLICE_LIT("");
    switch (f->type) {
    case FAMILY_COUNTER:
    case FAMILY_GAUGE:
        put_line(out, f, none, labels, none, v.value);
        break;
    case FAMILY_SUMMARY:
        put_summary(p, f, &v, out);
        break;
    case FAMILY_HISTOGRAM:
        put_histogram(p, f, &v, out);
        break;
    case FAMILY_RESERVED:
    case FAMILY_TYPE_COUNT:
        break;
    }
}

/* The rest of the family at hand.  returns  false when there was enough before its end */
static bool put_family(struct prometheus *p, struct registry_walk *w, uint64_t now_ns,
                       size_t enough, struct buf *out)
{
    size_t lines = out->len;
    struct exposed *e;
    while ((e = registry_walk_exposed(w)) != NULL) {
        put_exposed(p, w->registry, w->cursor.family, e, now_ns, out);
        if (out->len > lines && out->len >= enough)
            return false;
    }
    return true;
}

bool prometheus_render_some(struct prometheus *p, struct registry_walk *w, uint64_t now_ns,
                            size_t enough, struct buf *out)
{
    const struct family *f;
    if (!put_family(p, w, now_ns, enough, out))
        return true;
    while ((f = registry_walk_family(w)) != NULL) {
        size_t start = out->len;
        prometheus_put_head(out, f->name, f->help != NULL ? f->help : default_help,
                            family_type_word(f->type));
        size_t lines = out->len;
        if (!put_family(p, w, now_ns, enough, out))
            return true;
        if (out->len == lines)   /* sets whose first interval is still open */
            out->len = start;
    }
    return false;
}

void prometheus_render(struct prometheus *p, struct registry *r, uint64_t now_ns, struct buf *out)
{
    struct registry_walk w;
    registry_walk_begin(r, &w);
    (void)prometheus_render_some(p, &w, now_ns, SIZE_MAX, out);
    registry_walk_end(&w);
}

void prometheus_render_lines(struct prometheus *p, struct registry *r, uint64_t now_ns,
                             struct buf *out)
{
    struct registry_walk w;
    registry_walk_begin(r, &w);
    while (registry_walk_family(&w) != NULL)
        (void)put_family(p, &w, now_ns, SIZE_MAX, out);
    registry_walk_end(&w);
}

uint64_t prometheus_series_bytes(const struct profile *p)
{
    enum { LINE = 2 * AGGREGATE_TEXT_BYTES, MORE_LINES = 3 };   /* le="+Inf", _sum, _count */
    return (uint64_t)LINE * ((p->histogram ? p->n_buckets : p->n_quantiles) + MORE_LINES);
}
