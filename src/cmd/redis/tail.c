/*
 * `statsd redis tail [PATTERN..]`: each interval as it closes.
 *
 *   read_logs    what came into the log of each shard since the last time
 *     on_entry     an instance has written an interval: it waits to be shown
 *   next_shown   the first that all instances have written, or had the time to
 *   show         its hash and sets, a line for each series
 */
#include "cmd/redis/redis.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/now.h"
#include "base/number.h"
#include "cmd/redis/intervals.h"
#include "cmd/redis/value.h"

enum { POLL_MS = 200, ID_BYTES = 48, LOG_ENTRIES = 100, INSTANCES_MAX = 4096, WAITING_MAX = 64 };

struct writer {
    char *name;
    int64_t last_t;
};

struct tail {
    struct session *session;
    const struct redis_args *args;
    char after[REDIS_READER_SHARDS][ID_BYTES]; /* id of the last entry; "": none was read */
    bool begun[REDIS_READER_SHARDS];           /* what was there before is not shown */
    struct writer *writers;
    size_t n_writers, cap_writers;
    struct waiting {
        int64_t t, since_ms; /* since_ms: later, where a clock that is fast wrote it */
    } waiting[WAITING_MAX];
    size_t n_waiting;
    int64_t shown_t, length_s;
};

struct log_task {
    struct task task; /* first */
    struct tail *tail;
    unsigned shard;
};

/* ---- the logs ---- */

static void note_writer(struct tail *l, const struct redis_log_entry *e)
{
    for (size_t i = 0; i < l->n_writers; i++) {
        if (slice_eq(slice_str(l->writers[i].name), e->instance)) {
            int64_t length = e->t - l->writers[i].last_t;
            if (length > 0 && (l->length_s == 0 || length < l->length_s))
                l->length_s = length;
            l->writers[i].last_t = e->t > l->writers[i].last_t ? e->t : l->writers[i].last_t;
            return;
        }
    }
    if (l->n_writers == INSTANCES_MAX)
        return;
    l->writers = mem_grow(l->writers, &l->cap_writers, l->n_writers + 1, sizeof l->writers[0]);
    l->writers[l->n_writers++] =
        (struct writer){ mem_strndup(e->instance.ptr, e->instance.len), e->t };
}

/* How long before the interval's end an entry came, by the clock of Redis, which is in its id. */
static int64_t early_ms(const struct tail *l, const struct redis_log_entry *e)
{
    struct slice rest = e->id, stamp;
    int64_t came_ms, end_ms = (e->t + l->length_s) * 1000;
    bool known = slice_cut(&rest, '-', &stamp) && number_parse_int(stamp, &came_ms);
    return known && end_ms > came_ms ? end_ms - came_ms : 0;
}

/* Room for one more: a free place, or that of the latest, which a clock far ahead wrote.
 * returns  NULL: t is later than all */
static struct waiting *place_for(struct tail *l, int64_t t)
{
    struct waiting *latest = &l->waiting[0];
    if (l->n_waiting < WAITING_MAX)
        return &l->waiting[l->n_waiting++];
    for (size_t i = 1; i < WAITING_MAX; i++)
        if (l->waiting[i].t > latest->t)
            latest = &l->waiting[i];
    return latest->t > t ? latest : NULL;
}

static void note_interval(struct tail *l, const struct redis_log_entry *e)
{
    const char *wanted = l->args->instance;
    if (wanted != NULL && !slice_eq(slice_str(wanted), e->instance))
        return;
    for (size_t i = 0; i < l->n_waiting; i++)
        if (l->waiting[i].t == e->t)
            return;
    if (e->t <= l->shown_t)
        return; /* a late one: it was shown without */
    struct waiting *w = place_for(l, e->t);
    if (w != NULL)
        *w = (struct waiting){ e->t, now_wall_ms() + early_ms(l, e) };
}

static void on_entry(void *cookie, const struct redis_log_entry *e)
{
    struct log_task *task = cookie;
    struct tail *l = task->tail;
    char *after = l->after[task->shard];
    bool begun = l->begun[task->shard];
    if (e->id.len < ID_BYTES && (begun || after[0] == '\0')) /* the first time newest first */
        snprintf(after, ID_BYTES, "%.*s", (int)e->id.len, e->id.ptr);
    note_writer(l, e);
    if (begun)
        note_interval(l, e);
}

/* Of the nodes that are there: those that are away would hold up the others. */
static bool read_logs(struct tail *l)
{
    struct session *s = l->session;
    uint64_t asked = 0;
    for (unsigned shard = 0; shard < REDIS_READER_SHARDS; shard++) {
        if (!redis_reader_reaches(s->reader, shard))
            continue;
        asked |= (uint64_t)1 << shard;
        struct log_task *task = session_task(s, sizeof *task);
        const char *after = l->after[shard][0] != '\0' ? l->after[shard] : "0-0";
        task->tail = l;
        task->shard = shard;
        const struct redis_read_calls calls = { .cookie = task,
                                                .entry = on_entry,
                                                .done = session_done };
        redis_reader_log(s->reader, shard, l->begun[shard] ? after : NULL, LOG_ENTRIES, &calls);
    }
    bool good = session_wait(s);
    for (unsigned shard = 0; good && shard < REDIS_READER_SHARDS; shard++)
        l->begun[shard] |= (asked >> shard & 1) != 0;
    return good;
}

/* ---- which is shown next ---- */

static bool all_have_written(const struct tail *l, int64_t t)
{
    for (size_t i = 0; i < l->n_writers; i++) {
        const struct writer *w = &l->writers[i];
        bool is_gone = w->last_t < t - 3 * l->length_s;
        if (w->last_t < t && !is_gone)
            return false;
    }
    return true;
}

static bool is_ripe(const struct tail *l, const struct waiting *w)
{
    if (l->args->instance != NULL)
        return true;
    int64_t waited_ms = now_wall_ms() - w->since_ms;
    return waited_ms >= 0 && (all_have_written(l, w->t) || waited_ms > l->length_s * 500);
}

/* Takes it out.  returns  false: none */
static bool next_shown(struct tail *l, int64_t *ret)
{
    size_t first = 0;
    for (size_t i = 1; i < l->n_waiting; i++)
        if (l->waiting[i].t < l->waiting[first].t)
            first = i;
    if (l->n_waiting == 0 || !is_ripe(l, &l->waiting[first]))
        return false;
    *ret = l->waiting[first].t;
    l->waiting[first] = l->waiting[--l->n_waiting];
    l->shown_t = *ret;
    return true;
}

/* ---- showing ---- */

static size_t the_column(const void *cookie, int64_t t)
{
    (void)cookie;
    (void)t;
    return 0;
}

static void print_line(const struct tail *l, const struct series *series, int64_t t,
                       struct buf *out)
{
    struct sheet row = { .heads = { "", "", series_kind_name(series->kind) }, .columns = 2 };
    struct tm tm;
    char text[32];
    time_t at = (time_t)t;
    const struct value *v = &series->values[0];
    double per_second;
    if (localtime_r(&at, &tm) == NULL || strftime(text, sizeof text, "%H:%M:%S", &tm) == 0)
        snprintf(text, sizeof text, "%" PRId64, t);
    sheet_text(&row, slice_str(text));
    sheet_text(&row, series->key);
    value_heads(series->kind, &row);
    value_cells(series->kind, v, &row);
    if (value_has_rate(series->kind, v, &per_second)) {
        row.heads[row.columns++] = "per s";
        sheet_estimate(&row, per_second / (double)l->length_s);
    }
    sheet_print_lines(&row, out);
    sheet_release(&row);
}

static bool show(struct tail *l, int64_t t)
{
    struct session *s = l->session;
    struct series_list list = { .columns = 1 };
    struct buf out = { 0 };
    redis_fetch(s, l->args, t, &list, 0);
    redis_fetch_sets(s, l->args, t, &list, the_column, NULL);
    bool good = session_wait(s);
    for (size_t i = 0; good && i < list.n; i++)
        if (list.at[i]->kind == SERIES_SET)
            redis_fetch_members(s, list.at[i]->key, &t, 1, &list.at[i]->values[0]);
    good = good && session_wait(s);
    series_sort(&list);
    for (size_t i = 0; good && i < list.n; i++) {
        if (l->args->json)
            value_interval(list.at[i], &list.at[i]->values[0], t, l->length_s, &out);
        else
            print_line(l, list.at[i], t, &out);
    }
    good = good && redis_write(s, &out) == CLI_OK;
    series_release(&list);
    buf_release(&out);
    return good;
}

/* ---- */

static void on_pause_over(uv_timer_t *t)
{
    *(bool *)t->data = true;
}

static void take_a_pause(struct session *s)
{
    bool over = false;
    uv_timer_t timer;
    uv_timer_init(&s->loop, &timer);
    timer.data = &over;
    uv_timer_start(&timer, on_pause_over, POLL_MS, 0);
    while (!over)
        uv_run(&s->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&s->loop, UV_RUN_NOWAIT); /* timer is ours until it is closed */
}

static bool follow(struct tail *l)
{
    const struct intervals none = { 0 };
    size_t shown = 0;
    int64_t t;
    (void)session_reachable(l->session);
    if (!read_logs(l))
        return false;
    if (l->n_writers == 0)
        intervals_say_none(l->session, &none); /* and wait for the first */
    if (l->length_s == 0)
        l->length_s = (int64_t)l->session->config->server_interval_ms / 1000;
    l->length_s += l->length_s == 0;
    for (;;) {
        if (!read_logs(l))
            return false;
        while (next_shown(l, &t)) {
            if (!show(l, t))
                return false;
            if (++shown == l->args->n)
                return true;
        }
        take_a_pause(l->session);
    }
}

int redis_tail(struct session *s, const struct redis_args *a)
{
    struct tail l = { .session = s, .args = a };
    bool good = follow(&l);
    for (size_t i = 0; i < l.n_writers; i++)
        free(l.writers[i].name);
    free(l.writers);
    return good ? CLI_OK : CLI_FAILED;
}
