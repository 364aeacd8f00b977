#include "cmd/redis/intervals.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/escape.h"

struct log_task {
    struct task task; /* first */
    struct intervals *to;
};

static void on_entry(void *cookie, const struct redis_log_entry *e)
{
    struct intervals *v = ((struct log_task *)cookie)->to;
    v->t = mem_grow(v->t, &v->cap, v->n + 1, sizeof v->t[0]);
    v->t[v->n++] = e->t;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void sort_once(struct intervals *v)
{
    size_t n = 0;
    if (v->n > 0)
        qsort(v->t, v->n, sizeof v->t[0], by_time);
    for (size_t i = 0; i < v->n; i++)
        if (n == 0 || v->t[n - 1] != v->t[i])
            v->t[n++] = v->t[i];
    v->n = n;
}

bool intervals_read(struct session *s, size_t most, struct intervals *ret)
{
    uint64_t shards = session_reachable(s);
    *ret = (struct intervals){ .length_s = 0 };
    for (unsigned shard = 0; shard < REDIS_READER_SHARDS; shard++) {
        if ((shards >> shard & 1) == 0)
            continue;
        struct log_task *task = session_task(s, sizeof *task);
        task->to = ret;
        const struct redis_read_calls calls = { .cookie = task,
                                                .entry = on_entry,
                                                .done = session_done };
        redis_reader_log(s->reader, shard, NULL, most, &calls);
    }
    bool done = session_wait(s);
    sort_once(ret);
    for (size_t i = 1; i < ret->n; i++)
        if (ret->length_s == 0 || ret->t[i] - ret->t[i - 1] < ret->length_s)
            ret->length_s = ret->t[i] - ret->t[i - 1];
    if (ret->length_s == 0)
        ret->length_s = (int64_t)s->config->server_interval_ms / 1000;
    ret->length_s += ret->length_s == 0;
    return done;
}

void intervals_release(struct intervals *v)
{
    free(v->t);
    *v = (struct intervals){ 0 };
}

size_t intervals_last_closed(const struct intervals *v, int64_t now_ms)
{
    assert(v->n > 0);
    size_t i = v->n - 1;
    while (i > 0 && (v->t[i] + v->length_s) * 1000 + v->length_s * 500 > now_ms)
        i--;
    return i;
}

void intervals_say_none(const struct session *s, const struct intervals *v)
{
    struct buf out = { 0 };
    if (v->n > 0) {
        buf_append_str(&out, "statsd: redis keeps no interval of that time\n");
    } else {
        buf_append_str(&out, "statsd: no instance has written an interval under redis.prefix ");
        escape_short(slice_str(s->config->redis_prefix), &out);
        buf_append_char(&out, '\n');
    }
    cli_write(s->io->err, &out);
    buf_release(&out);
}
