/*
 *   redis_reader_time    TIME
 */
#include <assert.h>

#include "base/number.h"
#include "sinks/redis/reader_priv.h"
#include "sinks/redis/resp.h"

static void time_command(struct redis_read *q)
{
    redis_resp_command(&q->wire, 1);
    redis_resp_arg_str(&q->wire, "TIME");
}

/* [seconds, microseconds], as texts */
static enum redis_read_step time_take(struct redis_read *q, const redisReply *reply)
{
    const int64_t most_s = (int64_t)1 << 40;
    int64_t s, us;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        !redis_read_is_text(reply->element[0]) || !redis_read_is_text(reply->element[1]) ||
        !number_parse_int(redis_read_text(reply->element[0]), &s) ||
        !number_parse_int(redis_read_text(reply->element[1]), &us))
        return REDIS_READ_NONSENSE;
    if (s < 0 || s > most_s || us < 0 || us >= 1000000)
        return REDIS_READ_NONSENSE;
    q->calls.time(q->calls.cookie, s * 1000 + us / 1000);
    return REDIS_READ_LAST;
}

struct redis_read *redis_reader_time(struct redis_reader *r, const struct redis_read_calls *calls)
{
    static const struct redis_read_kind kind = { time_command, time_take, NULL, NULL };
    assert(calls->time != NULL);
    return redis_read_start(redis_read_new(r, sizeof(struct redis_read), &kind, calls));
}
