#include "cmd/redis/value.h"

#include <assert.h>

static const double quantiles[] = {
#define X(q, name) q,
    VALUE_QUANTILES(X)
#undef X
};

enum { QUANTILES = sizeof quantiles / sizeof *quantiles };

static const char *const quantile_names[] = {
#define X(q, name) name,
    VALUE_QUANTILES(X)
#undef X
};

static double average(const struct sketch *k)
{
    return k->count > 0 ? k->sum / k->count : 0;
}

static void head(struct sheet *t, const char *text)
{
    assert(t->columns < SHEET_COLUMNS_MAX);
    t->heads[t->columns++] = text;
}

void value_heads(enum series_kind kind, struct sheet *t)
{
    static const char *const of_timer[] = { "count", "sum", "min", "max", "avg" };
    static const char *const heads[] = {
        [SERIES_COUNTER] = "sum", [SERIES_GAUGE] = "value", [SERIES_SET] = "members"
    };
    if (kind != SERIES_TIMER) {
        head(t, heads[kind]);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(of_timer); i++)
        head(t, of_timer[i]);
    for (size_t i = 0; i < QUANTILES; i++)
        head(t, quantile_names[i]);
}

static void timer_cells(const struct sketch *k, struct sheet *t)
{
    double at[QUANTILES];
    sketch_quantiles(k, quantiles, QUANTILES, at);
    sheet_number(t, k->count);
    sheet_number(t, k->sum);
    sheet_number(t, k->min);
    sheet_number(t, k->max);
    sheet_estimate(t, average(k));
    for (size_t i = 0; i < QUANTILES; i++)
        sheet_estimate(t, at[i]);
}

/* A field n| that has lost its h| has buckets and no sums. */
static bool is_empty(enum series_kind kind, const struct value *v)
{
    return !v->there || (kind == SERIES_TIMER && v->timer.count <= 0);
}

void value_cells(enum series_kind kind, const struct value *v, struct sheet *t)
{
    if (is_empty(kind, v)) {
        for (size_t i = kind == SERIES_TIMER ? 5 + QUANTILES : 1; i > 0; i--)
            sheet_text(t, SLICE_LIT("-"));
    } else if (kind == SERIES_TIMER) {
        timer_cells(&v->timer, t);
    } else {
        sheet_number(t, v->number);
    }
}

static void timer_members(const struct sketch *k, struct buf *out)
{
    double at[QUANTILES];
    sketch_quantiles(k, quantiles, QUANTILES, at);
    object_number(out, "count", k->count);
    object_number(out, "sum", k->sum);
    object_number(out, "min", k->min);
    object_number(out, "max", k->max);
    object_number(out, "avg", average(k));
    for (size_t i = 0; i < QUANTILES; i++)
        object_number(out, quantile_names[i], at[i]);
}

void value_members(enum series_kind kind, const struct value *v, struct buf *out)
{
    if (is_empty(kind, v))
        return;
    if (kind == SERIES_TIMER)
        timer_members(&v->timer, out);
    else
        object_number(out, kind == SERIES_SET ? "members" : "value", v->number);
}

void value_series(const struct series *s, struct buf *out)
{
    struct slice tags = redis_series_tags(s->key), tag;
    object_text(out, "series", s->key);
    object_text(out, "name", redis_series_name(s->key));
    object_name(out, "tags");
    buf_append_char(out, '[');
    for (size_t n = 0; tags.len > 0; n++) {
        if (!slice_cut(&tags, ',', &tag)) {
            tag = tags;
            tags.len = 0;
        }
        buf_append_str(out, n > 0 ? "," : "");
        object_string(out, tag);
    }
    buf_append_char(out, ']');
    object_text(out, "kind", slice_str(series_kind_name(s->kind)));
}

bool value_has_rate(enum series_kind kind, const struct value *v, double *ret)
{
    *ret = kind == SERIES_COUNTER ? v->number : v->timer.count;
    return kind == SERIES_COUNTER || kind == SERIES_TIMER;
}

void value_interval(const struct series *s, const struct value *v, int64_t t, int64_t seconds,
                    struct buf *out)
{
    struct value shown = *v;
    double per_second;
    shown.there |= s->kind == SERIES_COUNTER;
    object_begin(out);
    object_int(out, "t", t);
    object_int(out, "seconds", seconds);
    value_series(s, out);
    value_members(s->kind, &shown, out);
    if (value_has_rate(s->kind, v, &per_second))
        object_number(out, "rate", per_second / (double)seconds);
    object_end(out);
    buf_append_char(out, '\n');
}
