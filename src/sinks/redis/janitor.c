#include "sinks/redis/janitor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/reply.h"
#include "sinks/redis/resp.h"

enum {
    STEP_MS = 5,    /* from one to the next: batches go in between */
    AWAY_MS = 1000, /* a node that is not ready is asked for again */
    PERIOD_LEAST_MS = 1000,
    PERIOD_MOST_MS = 300000,
    STEP_MOST = 1 << 20, /* series of a step, far more than it looks at */
    CURSOR_MAX = 20,     /* digits of 64 bits */
    FAILURES_SAID = 3,   /* one after another: what passes by itself has passed by then */
    LOG_MS = 600000
};

struct redis_janitor {
    struct redis_janitor_opts opts;
    char *prefix;
    uint64_t period_ms;
    struct redis_ask ask;
    struct buf command, key;
    uint8_t shard;
    char cursor[CURSOR_MAX + 1];
    uint64_t turn_ms; /* when this shard's turn came or comes */
    uint64_t next_ms; /* when the next step may be sent */
    bool in_flight;
    uint64_t pruned;
    uint32_t failures; /* one after another */
    struct log_gate gate;
};

static void put_key(struct redis_janitor *j, const char *what)
{
    buf_clear(&j->key);
    buf_printf(&j->key, "{%s:%02" PRIu8 "}:%s", j->prefix, j->shard, what);
    redis_resp_arg(&j->command, buf_slice(&j->key));
}

static bool send_step(struct redis_janitor *j)
{
    const char *sha = j->opts.sha(j->opts.cookie, j->shard);
    if (sha == NULL)
        return false;
    buf_clear(&j->command);
    redis_resp_command(&j->command, 9);
    redis_resp_arg_str(&j->command, "EVALSHA");
    redis_resp_arg_str(&j->command, sha);
    redis_resp_arg_u64(&j->command, 2);
    put_key(j, "tot");
    put_key(j, "jan");
    redis_resp_arg_str(&j->command, "prune");
    redis_resp_arg_str(&j->command, j->cursor);
    redis_resp_arg_u64(&j->command, j->opts.ttl_s);
    redis_resp_arg_u64(&j->command, j->period_ms / 10 * 9);
    j->ask.place = j->shard;
    j->ask.bytes = j->command.ptr;
    j->ask.len = j->command.len;
    return j->opts.send(j->opts.cookie, &j->ask);
}

uint64_t redis_janitor_pump(struct redis_janitor *j, uint64_t now_ms)
{
    if (j->opts.ttl_s == 0 || j->in_flight)
        return 0;
    if (j->next_ms == 0)
        j->turn_ms = j->next_ms = now_ms + j->period_ms / REDIS_SHARDS;
    if (now_ms < j->next_ms)
        return j->next_ms;
    j->in_flight = send_step(j);
    if (j->in_flight)
        return 0;
    return j->next_ms = now_ms + AWAY_MS;
}

/* Turns keep their distance; what was missed meanwhile is not made up for. */
static void end_turn(struct redis_janitor *j, uint64_t now_ms)
{
    j->shard = (uint8_t)((j->shard + 1) % REDIS_SHARDS);
    memcpy(j->cursor, "0", 2);
    j->turn_ms += j->period_ms / REDIS_SHARDS;
    if (j->turn_ms < now_ms)
        j->turn_ms = now_ms;
    j->next_ms = j->turn_ms > now_ms + STEP_MS ? j->turn_ms : now_ms + STEP_MS;
}

/* "cursor n" behind "pruned ".  returns  false: that is none of ours */
static bool take_progress(struct redis_janitor *j, struct slice rest)
{
    struct slice cursor;
    int64_t n;
    if (!slice_cut(&rest, ' ', &cursor) || cursor.len == 0 || cursor.len > CURSOR_MAX ||
        !number_parse_int(rest, &n) || n < 0 || n > STEP_MOST)
        return false;
    memcpy(j->cursor, cursor.ptr, cursor.len);
    j->cursor[cursor.len] = '\0';
    j->pruned += (uint64_t)n;
    return true;
}

static void fail(struct redis_janitor *j, const char *error, uint64_t now_ms)
{
    uint64_t suppressed;
    if (++j->failures < FAILURES_SAID || !log_gate(&j->gate, LOG_MS, now_ms, &suppressed))
        return;
    const char *remedy = redis_reply_remedy(error);
    LOG(LOG_WARN, "redis does not let totals of idle series be removed: they stay",
        F_STR("error", error), F_U64("shard", j->shard), F_STR("remedy", remedy ? remedy : ""),
        F_U64("suppressed", suppressed));
}

void redis_janitor_answer(struct redis_janitor *j, const redisReply *reply, uint64_t now_ms)
{
    assert(j->in_flight);
    j->in_flight = false;
    bool text = reply != NULL && (reply->type == REDIS_REPLY_STRING);
    struct slice said = text ? slice_of(reply->str, (size_t)reply->len) : slice_of("", 0);
    struct slice word = said;
    bool more = slice_cut(&said, ' ', &word) && slice_eq(word, SLICE_LIT("pruned")) &&
                take_progress(j, said);
    if (more || slice_eq(word, SLICE_LIT("busy")))
        j->failures = 0;
    else if (reply != NULL)
        fail(j, reply->type == REDIS_REPLY_ERROR ? reply->str : "an answer of another kind",
             now_ms);
    if (more && strcmp(j->cursor, "0") != 0)
        j->next_ms = now_ms + STEP_MS;
    else
        end_turn(j, now_ms);
}

uint64_t redis_janitor_pruned(const struct redis_janitor *j)
{
    return j->pruned;
}

static uint64_t period_of(uint64_t ttl_s)
{
    uint64_t ms = ttl_s < PERIOD_MOST_MS / 250 ? ttl_s * 250 : PERIOD_MOST_MS;
    return ms > PERIOD_LEAST_MS ? ms : PERIOD_LEAST_MS;
}

struct redis_janitor *redis_janitor_new(const struct redis_janitor_opts *opts)
{
    struct redis_janitor *j = mem_zalloc(sizeof *j);
    assert(opts->first < REDIS_SHARDS);
    j->opts = *opts;
    j->opts.prefix = j->prefix = mem_strdup(opts->prefix);
    j->period_ms = period_of(opts->ttl_s);
    j->ask.cargo = REDIS_CARGO_ASK;
    j->shard = opts->first;
    memcpy(j->cursor, "0", 2);
    return j;
}

void redis_janitor_free(struct redis_janitor *j)
{
    if (j == NULL)
        return;
    assert(!j->in_flight);
    buf_release(&j->command);
    buf_release(&j->key);
    free(j->prefix);
    free(j);
}
