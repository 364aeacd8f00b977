/*
 * `statsd redis get PATTERN..`: totals; of a set the members of the last interval that it came in.
 *
 *   read_all    the logs -> which interval; the totals; the sets; who is alive; the members
 *   print       a table for each kind, or an object for each series
 *   hint        nothing was found: which names are near
 */
#include "cmd/redis/redis.h"

#include <stdlib.h>

#include "base/mem.h"
#include "cmd/redis/intervals.h"
#include "cmd/redis/value.h"
#include "config/escape.h"
#include "config/guess.h"

enum { LOG_ENTRIES = 3, HINTS_MAX = 3, HINT_EDITS = 3 };

/* ---- reading ---- */

struct alive {
    struct task task; /* first */
    struct series *series;
};

static void on_instance(void *cookie, struct slice name, struct slice value)
{
    struct alive *a = cookie;
    struct session *s = a->task.session;
    struct redis_field f;
    if (session_field(s, name, value, &f) && f.kind == REDIS_FIELD_INSTANCE)
        for (size_t i = 0; i < a->series->n_own; i++)
            if (slice_eq(f.instance, slice_str(a->series->own[i].stored)))
                a->series->own[i].alive = f.stamp_ms + f.alive_ms >= s->now_ms;
    redis_field_release(&f);
}

/* Asks which instances of a gauge are alive. */
static void fetch_alive(struct session *s, struct series *series)
{
    struct slice *names = mem_alloc(series->n_own * sizeof *names);
    struct buf text = { 0 };
    for (size_t i = 0; i < series->n_own; i++)
        buf_printf(&text, "i|%s", series->own[i].stored);
    size_t at = 0;
    for (size_t i = 0; i < series->n_own; i++) {
        names[i] = slice_of(text.ptr + at, 2 + strlen(series->own[i].stored));
        at += names[i].len;
    }
    struct alive *a = session_task(s, sizeof *a);
    a->series = series;
    const struct redis_read_calls calls = { .cookie = a,
                                            .field = on_instance,
                                            .done = session_done };
    redis_reader_get(s->reader, redis_reader_shard(redis_series_name(series->key)),
                     REDIS_READER_TOTALS, names, series->n_own, &calls);
    buf_release(&text);
    free(names);
}

/* Of intervals that are closed. */
static size_t the_column(const void *cookie, int64_t t)
{
    return t <= *(const int64_t *)cookie ? 0 : SIZE_MAX;
}

/* returns  false: it failed, and was said */
static bool read_all(struct session *s, const struct redis_args *a, struct series_list *l)
{
    struct intervals v;
    bool good = intervals_read(s, LOG_ENTRIES, &v);
    int64_t t = good && v.n > 0 ? v.t[intervals_last_closed(&v, s->now_ms)] : 0;
    intervals_release(&v);
    if (!good)
        return false;
    redis_fetch(s, a, REDIS_READER_TOTALS, l, 0);
    redis_fetch_sets(s, a, REDIS_READER_TOTALS, l, the_column, &t);
    if (!session_wait(s))
        return false;
    for (size_t i = 0; i < l->n; i++) {
        struct series *series = l->at[i];
        if (series->n_own > 0)
            fetch_alive(s, series);
        if (series->kind == SERIES_SET)
            redis_fetch_members(s, series->key, &series->values[0].last_s, 1, &series->values[0]);
    }
    return session_wait(s);
}

/* ---- printing ---- */

static void print_own(const struct session *s, const struct series *series, struct buf *out)
{
    const enum gauge_merge rule = series_rule(series, &series->values[0], s->now_ms);
    object_text(out, "rule", slice_str(gauge_merge_name(rule)));
    object_name(out, "instances");
    buf_append_char(out, '[');
    for (size_t i = 0; i < series->n_own; i++) {
        const struct own_gauge *own = &series->own[i];
        buf_append_str(out, i > 0 ? "," : "");
        object_begin(out);
        object_text(out, "instance", slice_str(own->instance));
        object_number(out, "value", own->number);
        object_int(out, "stamp_ms", own->stamp_ms);
        object_name(out, "alive");
        buf_append_str(out, own->alive ? "true" : "false");
        object_end(out);
    }
    buf_append_char(out, ']');
}

static struct value shown(const struct session *s, const struct series *series)
{
    struct value v = series->values[0];
    v.number = series->kind == SERIES_GAUGE ? series_gauge(series, &v, s->now_ms) : v.number;
    v.there |= series->n_own > 0;
    return v;
}

static void print_json(const struct session *s, const struct series_list *l, struct buf *out)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct series *series = l->at[i];
        const struct value v = shown(s, series);
        object_begin(out);
        value_series(series, out);
        value_members(series->kind, &v, out);
        if (series->kind == SERIES_SET)
            object_int(out, "t", v.last_s);
        else if (v.last_s != REDIS_FIELD_NEVER)
            object_int(out, "last", v.last_s);
        if (series->kind == SERIES_GAUGE)
            object_int(out, "stamp_ms", v.stamp_ms);
        if (series->n_own > 0)
            print_own(s, series, out);
        object_end(out);
        buf_append_char(out, '\n');
    }
}

static void print_kind(const struct session *s, const struct series_list *l, enum series_kind kind,
                       struct buf *out)
{
    static const char *const last_heads[] = { [SERIES_COUNTER] = "last",
                                              [SERIES_GAUGE] = "set",
                                              [SERIES_TIMER] = "last",
                                              [SERIES_SET] = "interval" };
    struct sheet t = { .heads = { series_kind_name(kind) }, .columns = 1 };
    value_heads(kind, &t);
    t.heads[t.columns++] = last_heads[kind];
    for (size_t i = 0; i < l->n; i++) {
        const struct series *series = l->at[i];
        const struct value v = shown(s, series);
        if (series->kind != kind)
            continue;
        sheet_text(&t, series->key);
        value_cells(kind, &v, &t);
        sheet_ago(&t, v.last_s, s->now_ms);
    }
    if (t.n > 0) {
        buf_append_str(out, out->len > 0 ? "\n" : "");
        sheet_print(&t, s->io->columns, out);
    }
    sheet_release(&t);
}

static void print_instances(const struct session *s, const struct series_list *l, struct buf *out)
{
    struct sheet t = { .heads = { "gauge", "instance", "value", "rule", "set", "alive" },
                       .columns = 6 };
    for (size_t i = 0; i < l->n; i++) {
        for (size_t k = 0; k < l->at[i]->n_own; k++) {
            const struct own_gauge *own = &l->at[i]->own[k];
            sheet_text(&t, l->at[i]->key);
            sheet_text(&t, slice_str(own->instance));
            sheet_number(&t, own->number);
            sheet_text(&t, slice_str(gauge_merge_name(own->rule)));
            sheet_ago(&t, own->stamp_ms / 1000, s->now_ms);
            sheet_text(&t, own->alive ? SLICE_LIT("yes") : SLICE_LIT("no"));
        }
    }
    if (t.n > 0) {
        buf_append_char(out, '\n');
        sheet_print(&t, s->io->columns, out);
    }
    sheet_release(&t);
}

/* ---- nothing was found ---- */

/* Names of the shards that were asked, nearest first; a name that is spelled otherwise is in
 * another shard as a rule, so all are looked at. */
static void hint(struct session *s, const struct pattern *p)
{
    const struct redis_args all = { .shards = session_reachable(s) };
    struct series_list l = { .columns = 1 };
    struct buf out = { 0 };
    size_t shown_names = 0;
    redis_fetch(s, &all, REDIS_READER_TOTALS, &l, 0);
    bool good = session_wait(s);
    series_sort(&l);
    struct slice before = { 0 };
    for (size_t edits = 0; good && edits <= HINT_EDITS; edits++) {
        for (size_t i = 0; i < l.n && shown_names < HINTS_MAX; i++) {
            struct slice name = redis_series_name(l.at[i]->key);
            if (slice_eq(name, before) || guess_distance(p->name, name, HINT_EDITS) != edits)
                continue;
            before = name;
            buf_append_str(&out, shown_names++ == 0 ? "; did you mean " : ", ");
            escape_short(name, &out);
        }
    }
    if (good && l.n == 0) {
        buf_append_str(&out, "; there are no totals under redis.prefix ");
        escape_short(slice_str(s->config->redis_prefix), &out);
    }
    fprintf(s->io->err, "statsd: nothing in redis matches ");
    struct buf asked = { 0 };
    escape_short(p->name, &asked);
    buf_append_str(&asked, p->has_tags ? "|#" : "");
    escape_short(p->tags, &asked);
    cli_write(s->io->err, &asked);
    cli_write(s->io->err, &out);
    fputs(shown_names > 0 ? "?\n" : "\n", s->io->err);
    buf_release(&asked);
    buf_release(&out);
    series_release(&l);
}

static int print(struct session *s, const struct redis_args *a, const struct series_list *l)
{
    struct buf out = { 0 };
    if (a->json) {
        print_json(s, l, &out);
    } else {
        for (int kind = 0; kind < SERIES_KIND_COUNT; kind++)
            print_kind(s, l, (enum series_kind)kind, &out);
        print_instances(s, l, &out);
    }
    int rc = redis_write(s, &out);
    buf_release(&out);
    return rc;
}

int redis_get(struct session *s, const struct redis_args *a)
{
    struct series_list l = { .columns = 1 };
    int rc = CLI_FAILED;
    if (read_all(s, a, &l)) {
        series_sort(&l);
        if (l.n > 0)
            rc = print(s, a, &l);
        else
            hint(s, &a->patterns[0]);
    }
    series_release(&l);
    return rc;
}
