/**
 * sink_list: all sinks of a server, told of each closed interval in one order.
 *
 *   thread   control
 */
#ifndef SINKS_SINK_LIST_H
#define SINKS_SINK_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/counters.h"
#include "sinks/sink.h"

enum { SINK_LIST_MAX = 8 };

struct sink_list {
    struct sink *at[SINK_LIST_MAX];
    size_t n;
};

/* The sink is the list's from here on. */
void sink_list_add(struct sink_list *l, struct sink *s);

/* As struct sink's: each sink gets the interval; idle when all of them are. */
void sink_list_interval(const struct sink_list *l, const struct snapshot *snap, bool final);
bool sink_list_idle(const struct sink_list *l);

/**
 * sink_list_counted(l, table):
 * What `table` is read from: for struct counter_source.
 *   returns  NULL when no sink of the list counts by it; else as of now, valid until asked again
 */
const void *sink_list_counted(const struct sink_list *l, const struct counter_table *table);

/* Closes every sink and empties the list. */
void sink_list_close(struct sink_list *l);

#endif
