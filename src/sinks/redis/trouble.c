#include "sinks/redis/trouble.h"

#include "base/now.h"
#include "sinks/redis/reply.h"

enum { LOG_PERIOD_MS = 10000, URL_TEXT_MAX = 256 };

void redis_trouble_log(struct redis_trouble *t, enum redis_trouble_kind kind,
                       const struct redis_url *u, const struct redis_host *at, const char *error,
                       uint64_t retry_ms)
{
    bool refused = kind == REDIS_TROUBLE_REFUSED;
    uint64_t suppressed;
    if (!log_gate(refused ? &t->refused_gate : &t->gate, LOG_PERIOD_MS, now_mono_ms(), &suppressed))
        return;
    t->connected = false;
    if (!refused) {
        LOG(LOG_WARN, kind == REDIS_TROUBLE_LOST ? "redis connection lost" : "redis not reachable",
            F_STR("addr", at->host ? at->host : u->path), F_U64("port", at->port),
            F_STR("error", error), F_U64("retry_ms", retry_ms), F_U64("suppressed", suppressed));
        return;
    }
    char url[URL_TEXT_MAX];
    redis_url_print(u, url, sizeof url);
    const char *remedy = redis_reply_remedy(error);
    LOG(LOG_ERROR, "redis refused", F_STR("url", url), F_STR("error", error),
        F_STR("remedy", remedy ? remedy : "see docs/redis.md and the log of Redis"),
        F_STR("addr", at->host ? at->host : u->path), F_U64("port", at->port),
        F_U64("retry_ms", retry_ms), F_U64("suppressed", suppressed));
}

void redis_trouble_over(struct redis_trouble *t, const struct redis_url *u,
                        const struct redis_host *at)
{
    if (!t->connected)
        LOG(LOG_INFO, "redis connected", F_STR("addr", at->host ? at->host : u->path),
            F_U64("port", at->port), F_U64("db", u->db));
    t->connected = true;
}
