#include "sinks/redis/sink_opts.h"

#include <string.h>

#include "base/now.h"
#include "sinks/redis/batch.h"

enum { KEEP_MIN_MS = 15000, LIFE_MIN_S = 3600, PACK_AFTER_INTERVALS = 2 };

static bool good_id(const char *id)
{
    if (id == NULL)
        return true;
    size_t n = strlen(id);
    return n == REDIS_ID_DIGITS && strspn(id, "0123456789abcdef") == n;
}

bool redis_sink_opts_good(const struct redis_opts *o)
{
    return o->prefix != NULL && o->prefix[0] != '\0' && strpbrk(o->prefix, "{}") == NULL &&
           o->instance != NULL && o->instance[0] != '\0' && good_id(o->id);
}

uint32_t redis_sink_opts_life_s(const struct redis_opts *o)
{
    uint64_t s = LIFE_MIN_S + 2 * (o->spool_max_age_ms + o->interval_ms) / 1000;
    return s < INT32_MAX ? (uint32_t)s : INT32_MAX;
}

static uint64_t keep_ms(const struct redis_opts *o)
{
    uint64_t ms = 2 * (uint64_t)o->interval_ms;
    return ms > KEEP_MIN_MS ? ms : KEEP_MIN_MS;
}

struct redis_ledger_opts redis_sink_opts_ledger(const struct redis_opts *o)
{
    return (struct redis_ledger_opts){
        .max_bytes = o->spool_max_bytes,
        .max_age_ms = o->spool_max_age_ms,
        .keep_ms = keep_ms(o),
        .pack_after_ms = PACK_AFTER_INTERVALS * (uint64_t)o->interval_ms,
        .interval_ms = o->interval_ms,
        .dir = o->spool_dir,
        .disk_max_bytes = o->spool_disk_max_bytes,
    };
}

struct redis_encode_opts redis_sink_opts_encode(const struct redis_opts *o)
{
    return (struct redis_encode_opts){ .prefix = o->prefix,
                                       .instance = o->instance,
                                       .retention_s = o->retention_s,
                                       .own = o->own_gauges,
                                       .all_own = o->all_own_gauges,
                                       .alive_ms = o->alive_ms };
}

struct redis_append_opts redis_sink_opts_append(const struct redis_opts *o)
{
    return (struct redis_append_opts){ .origin = { .max_entries = o->events_max },
                                       .max_bytes = REDIS_EVENTS_BYTES,
                                       .seed = now_mono_ns() };
}
