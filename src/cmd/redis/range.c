/*
 * `statsd redis range PATTERN..`: history over the intervals that Redis keeps.
 *
 *   make_steps    the logs -> columns of step seconds, and which intervals are in each
 *   read_steps    the hash of each interval; which sets there are, and their members
 *   sum_up        the last column: all of it together
 *   print         a table for each series, or an object for each series and step
 */
#include "cmd/redis/redis.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "cmd/redis/intervals.h"
#include "cmd/redis/value.h"

enum { LOG_ENTRIES = 4000, STEPS_MAX = 3600, SERIES_MAX = 1000, BAR_COLUMNS = 12, DAY_S = 86400 };

struct steps {
    struct intervals intervals; /* all that the logs have */
    size_t first, end;          /* those of the range: intervals.t[first .. end - 1] */
    int64_t start_s, step_s;    /* of column 0; of each */
    size_t n;                   /* columns, but for the one of all together */
    uint32_t *logged;           /* intervals in each */
};

static size_t step_of(const void *cookie, int64_t t)
{
    const struct steps *p = cookie;
    int64_t i = t < p->start_s ? -1 : (t - p->start_s) / p->step_s;
    return i < 0 || (size_t)i >= p->n ? SIZE_MAX : (size_t)i;
}

/* ---- steps ---- */

/* Which intervals are in the range, closed and still kept. */
static void choose(const struct session *s, const struct redis_args *a, struct steps *p)
{
    const struct intervals *v = &p->intervals;
    int64_t kept_s = (s->now_ms - (int64_t)s->config->redis_retention_ms) / 1000;
    int64_t from_s = a->from_s > kept_s ? a->from_s : kept_s;
    size_t closed = v->n > 0 ? intervals_last_closed(v, s->now_ms) + 1 : 0;
    for (p->first = 0; p->first < v->n && v->t[p->first] < from_s; p->first++)
        ;
    for (p->end = p->first; p->end < closed && v->t[p->end] < a->to_s; p->end++)
        ;
}

/* returns  false: there are none, or too many, which was said */
static bool make_steps(struct session *s, const struct redis_args *a, struct steps *p)
{
    const struct intervals *v = &p->intervals;
    choose(s, a, p);
    if (p->first == p->end) {
        intervals_say_none(s, v);
        return false;
    }
    p->step_s = a->step_s > v->length_s ? a->step_s : v->length_s;
    p->start_s = v->t[p->first] - v->t[p->first] % p->step_s;
    p->n = (size_t)((v->t[p->end - 1] - p->start_s) / p->step_s) + 1;
    if (p->n > STEPS_MAX) {
        fprintf(s->io->err, "statsd: these are %zu steps; --step makes them longer, and fewer\n",
                p->n);
        return false;
    }
    p->logged = mem_zalloc(p->n * sizeof p->logged[0]);
    for (size_t i = p->first; i < p->end; i++)
        p->logged[step_of(p, v->t[i])]++;
    return true;
}

/* ---- reading ---- */

static void fetch_set(struct session *s, const struct steps *p, struct series *set)
{
    const int64_t *t = p->intervals.t;
    for (size_t from = p->first, to; from < p->end; from = to) {
        size_t step = step_of(p, t[from]);
        for (to = from; to < p->end && step_of(p, t[to]) == step; to++)
            ;
        if (set->values[step].there)
            redis_fetch_members(s, set->key, &t[from], to - from, &set->values[step]);
    }
    redis_fetch_members(s, set->key, &t[p->first], p->end - p->first, &set->values[p->n]);
}

/* One interval at a time: requests of all at once would be thousands. */
static bool read_steps(struct session *s, const struct redis_args *a, const struct steps *p,
                       struct series_list *l)
{
    for (size_t i = p->first; i < p->end; i++) {
        redis_fetch(s, a, p->intervals.t[i], l, step_of(p, p->intervals.t[i]));
        if (!session_wait(s))
            return false;
    }
    redis_fetch_sets(s, a, REDIS_READER_TOTALS, l, step_of, p);
    if (!session_wait(s))
        return false;
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i]->kind == SERIES_SET)
            fetch_set(s, p, l->at[i]);
    return session_wait(s);
}

static void sum_up(const struct steps *p, struct series_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct series *series = l->at[i];
        for (size_t k = 0; k < p->n && series->kind != SERIES_SET; k++)
            value_merge(series->kind, &series->values[p->n], &series->values[k]);
    }
}

/* ---- printing ---- */

static int64_t seconds_of(const struct steps *p, size_t column)
{
    size_t n = column < p->n ? p->logged[column] : p->end - p->first;
    return (int64_t)n * p->intervals.length_s;
}

static void print_json(const struct steps *p, const struct series *series, struct buf *out)
{
    for (size_t k = 0; k < p->n; k++) {
        int64_t t = p->start_s + (int64_t)k * p->step_s;
        if (p->logged[k] > 0) {
            value_interval(series, &series->values[k], t, seconds_of(p, k), out);
            continue;
        }
        object_begin(out);
        object_int(out, "t", t);
        value_series(series, out);
        object_name(out, "gap");
        buf_append_str(out, "true}\n");
    }
    value_interval(series, &series->values[p->n], p->start_s, seconds_of(p, p->n), out);
    out->len -= 2; /* "}\n" */
    object_name(out, "all");
    buf_append_str(out, "true}\n");
}

/* What the chart shows: the rate, the value, a timer's p99.  NAN: there is none */
static double height_of(const struct steps *p, const struct series *series, size_t k)
{
    const struct value *v = &series->values[k];
    if (p->logged[k] == 0 || (!v->there && series->kind != SERIES_COUNTER))
        return NAN;
    if (series->kind == SERIES_COUNTER)
        return v->number / (double)seconds_of(p, k);
    return series->kind == SERIES_TIMER ? sketch_quantile(&v->timer, 0.99) : v->number;
}

/* A bar of eighths of a column, as long as v is between 0 (or the least) and the largest. */
static void put_bar(struct sheet *t, double v, double least, double most)
{
    static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
    struct buf bar = { 0 };
    double all = most / 2 - least / 2; /* halves: their difference is a double */
    double part = all > 0 && isfinite(v) ? (v / 2 - least / 2) / all : 0;
    unsigned n = (unsigned)lround(part * BAR_COLUMNS * 8), used = (n + 7) / 8;
    for (unsigned i = 0; i < n / 8; i++)
        buf_append_str(&bar, "█");
    buf_append_str(&bar, eighths[n % 8]);
    for (; used < BAR_COLUMNS; used++)
        buf_append_char(&bar, ' ');
    sheet_text(t, buf_slice(&bar));
    buf_release(&bar);
}

static void put_time(struct sheet *t, const struct steps *p, size_t k)
{
    char text[32];
    time_t at = (time_t)(p->start_s + (int64_t)k * p->step_s);
    struct tm tm;
    bool days = (int64_t)p->n * p->step_s > DAY_S / 2;
    if (k == p->n || localtime_r(&at, &tm) == NULL)
        snprintf(text, sizeof text, "all");
    else
        (void)strftime(text, sizeof text, days ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm);
    sheet_text(t, slice_str(text));
}

static void put_row(struct sheet *t, const struct steps *p, const struct series *series, size_t k)
{
    static const struct value none = { .there = false };
    bool gap = k < p->n && p->logged[k] == 0;
    struct value v = gap ? none : series->values[k];
    double per_second;
    v.there |= !gap && series->kind == SERIES_COUNTER;
    put_time(t, p, k);
    value_cells(series->kind, &v, t);
    if (!value_has_rate(series->kind, &v, &per_second))
        return;
    if (gap)
        sheet_text(t, SLICE_LIT("-"));
    else
        sheet_estimate(t, per_second / (double)seconds_of(p, k));
}

static unsigned optional_of(const struct sheet *t)
{
    static const char *const heads[] = { "sum", "min", "avg", "p999" };
    unsigned optional = 0;
    for (size_t c = 2; c < t->columns; c++) /* behind the time, and what a counter has alone */
        for (size_t i = 0; i < ARRAY_LEN(heads); i++)
            optional |= strcmp(t->heads[c], heads[i]) == 0 ? 1u << c : 0;
    return optional;
}

static void print_table(const struct session *s, const struct steps *p, const struct series *series,
                        struct buf *out)
{
    static const char *const charts[] = { [SERIES_COUNTER] = "rate chart",
                                          [SERIES_GAUGE] = "value chart",
                                          [SERIES_TIMER] = "p99 chart",
                                          [SERIES_SET] = "members chart" };
    bool charted = s->io->columns > 0;
    struct sheet t = { .heads = { "time" }, .columns = 1 };
    double least = 0, most = 0, per_second;
    for (size_t k = 0; k < p->n; k++) {
        least = fmin(least, height_of(p, series, k)); /* NAN counts for nothing */
        most = fmax(most, height_of(p, series, k));
    }
    value_heads(series->kind, &t);
    t.optional = optional_of(&t);
    if (value_has_rate(series->kind, &series->values[0], &per_second))
        t.heads[t.columns++] = "per s";
    t.heads[t.columns] = charts[series->kind];
    t.columns += charted;
    for (size_t k = 0; k <= p->n; k++) {
        put_row(&t, p, series, k);
        if (charted)
            put_bar(&t, k < p->n ? height_of(p, series, k) : NAN, least, most);
    }
    buf_append_str(out, out->len > 0 ? "\n" : "");
    buf_printf(out, "%s ", series_kind_name(series->kind));
    struct sheet title = { .heads = { "" }, .columns = 1 };
    sheet_text(&title, series->key);
    sheet_print_lines(&title, out);
    sheet_release(&title);
    sheet_print(&t, s->io->columns, out);
    sheet_release(&t);
}

static int print(struct session *s, const struct redis_args *a, const struct steps *p,
                 const struct series_list *l)
{
    struct buf out = { 0 };
    for (size_t i = 0; i < l->n; i++) {
        if (a->json)
            print_json(p, l->at[i], &out);
        else
            print_table(s, p, l->at[i], &out);
    }
    if (l->n == 0)
        fputs("statsd: nothing in redis matches in that time\n", s->io->err);
    if (l->left_out > 0)
        fprintf(s->io->err, "statsd: only %d of the series are shown; narrow the pattern\n",
                SERIES_MAX);
    int rc = redis_write(s, &out);
    buf_release(&out);
    return l->n > 0 ? rc : CLI_FAILED;
}

int redis_range(struct session *s, const struct redis_args *a)
{
    struct steps p = { .n = 0 };
    struct series_list l = { .most = SERIES_MAX };
    int rc = CLI_FAILED;
    if (intervals_read(s, LOG_ENTRIES, &p.intervals) && make_steps(s, a, &p)) {
        l.columns = p.n + 1;
        if (read_steps(s, a, &p, &l)) {
            sum_up(&p, &l);
            series_sort(&l);
            rc = print(s, a, &p, &l);
        }
    }
    series_release(&l);
    intervals_release(&p.intervals);
    free(p.logged);
    return rc;
}
