#include "core/server_counters.h"

#include "base/mem.h"
#include "base/process.h"

static void put_two(struct counter_lines *to, const char *a, uint64_t n_a, const char *b,
                    uint64_t n_b)
{
    counter_put(to, (const char *const[]){ a }, (double)n_a);
    counter_put(to, (const char *const[]){ b }, (double)n_b);
}

static void put_row(const void *of, size_t row, struct counter_lines *to)
{
    const struct server_stats *s = of;
    double value = 0;
    switch ((enum server_counter)row) {
    case SERVER_INTERVALS:
        value = (double)s->intervals;
        break;
    case SERVER_INTERVALS_LATE:
        value = (double)s->intervals_late;
        break;
    case SERVER_INTERVALS_RUSHED:
        value = (double)s->intervals_rushed;
        break;
    case SERVER_INTERVAL_SECONDS:
        value = s->interval_seconds;
        break;
    case SERVER_FLUSH_SECONDS:
        value = s->flush_seconds;
        break;
    case SERVER_RELOADS:
        value = (double)s->reloads;
        break;
    case SERVER_RELOADS_FAILED:
        value = (double)s->reloads_failed;
        break;
    case SERVER_RELOAD_SUCCESSFUL:
        value = !s->reload_failed;
        break;
    case SERVER_RELOAD_SECONDS:
        value = s->reload_seconds;
        break;
    case SERVER_WEB_RELOADS:
        put_two(to, "ok", s->web_reloads, "failed", s->web_reloads_failed);
        return;
    case SERVER_MAPPING_RULES:
        value = (double)s->mapping_rules;
        break;
    case SERVER_SERIES_LIMIT:
        value = (double)s->series_limit;
        break;
    case SERVER_SAMPLED:
        put_two(to, "ok", s->sampled, "dropped", s->sampled_dropped);
        return;
    case SERVER_STATE_SNAPSHOTS:
        value = (double)s->state_snapshots;
        break;
    case SERVER_STATE_SNAPSHOTS_FAILED:
        value = (double)s->state_snapshots_failed;
        break;
    case SERVER_RESERVE_USED:
        value = (double)mem_reserve_used();
        break;
    case SERVER_BUILD_INFO:
        counter_put(to, (const char *const[]){ s->version, s->commit }, 1);
        return;
    case SERVER_CPU_SECONDS:
        value = process_cpu_seconds();
        break;
    case SERVER_RESIDENT_BYTES:
        value = process_resident_bytes();
        break;
    case SERVER_START_SECONDS:
        value = s->start_seconds;
        break;
    case SERVER_OPEN_FDS:
        value = process_open_fds();
        break;
    }
    counter_put(to, NULL, value);
}

const struct counter_table server_counters = COUNTERS_TABLE(SERVER_COUNTERS, put_row);
