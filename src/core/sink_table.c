#include "core/sink_table.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "core/core_mapping.h"
#include "core/redis_options.h"
#include "sinks/redis.h"

static bool wants_redis(const struct config *c)
{
    return c->redis_url[0] != '\0';
}

static uint32_t alive_ms(const struct config *c)
{
    enum { INTERVALS = 5 };
    uint64_t ms = c->redis_instance_ttl_ms;
    return (uint32_t)(ms > 0 ? ms : INTERVALS * c->server_interval_ms);
}

static int open_redis(const struct config *c, uv_loop_t *loop, int state_dir, struct sink **ret)
{
    const struct redis_opts o = {
        .url = c->redis_url,
        .files = core_redis_files(c),
        .prefix = c->redis_prefix,
        .instance = c->server_instance,
        .retention_s = (uint32_t)(c->redis_retention_ms / 1000),
        .interval_ms = (uint32_t)c->server_interval_ms,
        .spool_max_bytes = c->redis_spool_max_bytes,
        .spool_max_age_ms = c->redis_spool_max_age_ms,
        .spool_dir = state_dir,
        .spool_disk_max_bytes = c->redis_spool_disk_max_bytes,
        .events_max = c->redis_events_max,
        .connect_timeout_ms = (uint32_t)c->redis_connect_timeout_ms,
        .reply_timeout_ms = (uint32_t)c->redis_reply_timeout_ms,
        .own_gauges = c->redis_gauge_merge != GAUGE_RULE_LATEST || c->prometheus_mapping[0] != '\0',
        .all_own_gauges = c->redis_instance_label,
        .alive_ms = alive_ms(c),
        .totals_ttl_s = core_seconds_up(c->redis_totals_ttl_ms),
        .resumes = c->server_state_dir[0] != '\0',
    };
    return redis_sink_new(loop, &o, ret);
}

/* In the order in which they get an interval. */
static const struct {
    const char *name;
    bool (*wanted)(const struct config *c);
    int (*open)(const struct config *c, uv_loop_t *loop, int state_dir, struct sink **ret);
} rows[] = {
    { "redis", wants_redis, open_redis },
};

_Static_assert(ARRAY_LEN(rows) <= SINK_LIST_MAX, "a list holds a sink of every row");

bool sink_table_any(const struct config *c)
{
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        any |= rows[i].wanted(c);
    return any;
}

int sink_table_open(const struct config *c, uv_loop_t *loop, int state_dir, struct sink_list *to)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sink *s;
        if (!rows[i].wanted(c))
            continue;
        int rc = rows[i].open(c, loop, state_dir, &s);
        if (rc < 0) {
            char msg[64];
            snprintf(msg, sizeof msg, "cannot set up %s", rows[i].name);
            LOG(LOG_ERROR, msg, F_STR("error", err_text(rc)));
            return rc;
        }
        sink_list_add(to, s);
    }
    return 0;
}
