/*
 * `statsd redis top`: the busiest metrics, all series of a name together.
 */
#include "cmd/redis/redis.h"

#include <stdlib.h>

#include "cmd/redis/intervals.h"
#include "cmd/redis/value.h"

enum { LOG_ENTRIES = 1000, TOP_N = 20, ALL_COLUMN = 0, SERIES_COLUMN = 1 };

enum by { BY_RATE, BY_TOTAL, BY_COUNT, BY_SUM };

static const char *const names_of_by[] = { "rate", "total", "count", "sum" };

struct top {
    enum by by;
    int64_t seconds;            /* of the intervals that were read; 0: the totals were */
    struct series_list metrics; /* by name; values[SERIES_COLUMN].number: how many series */
};

/* returns  false: it is not in that order at all */
static bool score_of(enum by by, const struct series *m, double *ret)
{
    const struct value *v = &m->values[ALL_COLUMN];
    bool timer = m->kind == SERIES_TIMER;
    *ret = by == BY_SUM ? v->timer.sum : timer ? v->timer.count : v->number;
    return timer || (m->kind == SERIES_COUNTER && (by == BY_RATE || by == BY_TOTAL));
}

static int compare(enum by by, const struct series *x, const struct series *y)
{
    double a = 0, b = 0;
    bool has_a = score_of(by, x, &a), has_b = score_of(by, y, &b);
    if (has_a != has_b)
        return has_a ? -1 : 1;
    return a != b ? (a > b ? -1 : 1) : slice_cmp(x->key, y->key);
}

static int by_rate(const void *a, const void *b)
{
    return compare(BY_RATE, *(const struct series *const *)a, *(const struct series *const *)b);
}

static int by_count(const void *a, const void *b)
{
    return compare(BY_COUNT, *(const struct series *const *)a, *(const struct series *const *)b);
}

static int by_sum(const void *a, const void *b)
{
    return compare(BY_SUM, *(const struct series *const *)a, *(const struct series *const *)b);
}

/* ---- reading ---- */

/* Asks for the intervals of the time, or for the last one. */
static bool fetch_intervals(struct session *s, const struct redis_args *a, struct top *top,
                            struct series_list *l)
{
    struct intervals v;
    bool good = intervals_read(s, LOG_ENTRIES, &v);
    size_t closed = good && v.n > 0 ? intervals_last_closed(&v, s->now_ms) : 0;
    for (size_t i = 0; good && v.n > 0 && i <= closed; i++) {
        bool wanted = a->has_span ? v.t[i] >= a->from_s && v.t[i] < a->to_s : i == closed;
        if (!wanted)
            continue;
        top->seconds += v.length_s;
        redis_fetch(s, a, v.t[i], l, 0);
        good = session_wait(s);
    }
    if (good && top->seconds == 0)
        intervals_say_none(s, &v);
    intervals_release(&v);
    return good && top->seconds > 0;
}

static void group(const struct series_list *l, struct top *top)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct series *from = l->at[i];
        struct series *to = series_find(&top->metrics, from->kind, redis_series_name(from->key));
        value_merge(from->kind, &to->values[ALL_COLUMN], &from->values[0]);
        to->values[SERIES_COLUMN].number++;
    }
}

/* ---- printing ---- */

static void print_json(const struct top *top, const struct series *m, struct buf *out)
{
    const struct value *v = &m->values[ALL_COLUMN];
    object_begin(out);
    object_text(out, "name", m->key);
    object_text(out, "kind", slice_str(series_kind_name(m->kind)));
    object_number(out, "series", m->values[SERIES_COLUMN].number);
    value_members(m->kind, v, out);
    double per_second;
    if (top->seconds > 0 && value_has_rate(m->kind, v, &per_second))
        object_number(out, "rate", per_second / (double)top->seconds);
    object_end(out);
    buf_append_char(out, '\n');
}

static void put_row(const struct top *top, const struct series *m, struct sheet *t)
{
    const struct value *v = &m->values[ALL_COLUMN];
    bool timer = m->kind == SERIES_TIMER;
    double per_second = 0;
    sheet_text(t, m->key);
    sheet_text(t, slice_str(series_kind_name(m->kind)));
    sheet_number(t, m->values[SERIES_COLUMN].number);
    if (timer)
        sheet_number(t, v->timer.count);
    else
        sheet_text(t, SLICE_LIT("-"));
    sheet_number(t, timer ? v->timer.sum : v->number);
    if (top->seconds == 0)
        return;
    (void)value_has_rate(m->kind, v, &per_second);
    sheet_estimate(t, per_second / (double)top->seconds);
}

static int print(struct session *s, const struct redis_args *a, const struct top *top)
{
    struct buf out = { 0 };
    struct sheet t = { .heads = { "metric", "kind", "series", "count", "sum", "per s" },
                       .columns = top->seconds > 0 ? 6 : 5 };
    size_t most = a->n > 0 ? a->n : TOP_N, shown = 0;
    double score;
    for (size_t i = 0; i < top->metrics.n && shown < most; i++) {
        const struct series *m = top->metrics.at[i];
        if (!score_of(top->by, m, &score))
            break;
        shown++;
        if (a->json)
            print_json(top, m, &out);
        else
            put_row(top, m, &t);
    }
    if (!a->json)
        sheet_print(&t, s->io->columns, &out);
    int rc = redis_write(s, &out);
    sheet_release(&t);
    buf_release(&out);
    return rc;
}

static void sort(struct top *top)
{
    int (*const order[])(const void *, const void *) = {
        [BY_RATE] = by_rate, [BY_TOTAL] = by_rate, [BY_COUNT] = by_count, [BY_SUM] = by_sum
    };
    if (top->metrics.n > 0)
        qsort(top->metrics.at, top->metrics.n, sizeof(void *), order[top->by]);
}

int redis_top(struct session *s, const struct redis_args *a)
{
    struct top top = { .by = BY_RATE, .metrics = { .columns = 2 } };
    struct series_list l = { .columns = 1 };
    size_t by = 0;
    while (a->by != NULL && by < ARRAY_LEN(names_of_by) && strcmp(a->by, names_of_by[by]) != 0)
        by++;
    if (by == ARRAY_LEN(names_of_by))
        return cli_usage(s->io, "--by is one of rate, total, count, sum");
    top.by = (enum by)by;
    if (top.by == BY_TOTAL)
        redis_fetch(s, a, REDIS_READER_TOTALS, &l, 0);
    int rc = CLI_FAILED;
    if (top.by == BY_TOTAL ? session_wait(s) : fetch_intervals(s, a, &top, &l)) {
        group(&l, &top);
        sort(&top);
        rc = print(s, a, &top);
    }
    series_release(&l);
    series_release(&top.metrics);
    return rc;
}
