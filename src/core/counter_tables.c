#include "core/counter_tables.h"

#include "aggregate/counters.h"
#include "aggregate/limited.h"
#include "api/counters.h"
#include "base/slice.h"
#include "capture/counters.h"
#include "core/cluster_counters.h"
#include "core/server_counters.h"
#include "expose/counters.h"
#include "http/counters.h"
#include "listen/counters.h"
#include "mirror/stats.h"
#include "sinks/redis.h"

const struct counter_table *const counter_tables[] = {
#define X(id, rows, table) &(table),
    COUNTER_TABLES(X)
#undef X
};

static const char *const names[] = {
#define X(id, rows, table) COUNTERS_NAMES(rows)
    COUNTER_TABLES(X)
#undef X
};

const char *const *counter_names(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(names);
    return names;
}
