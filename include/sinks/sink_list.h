/**
 * sink_list: all sinks of a server, which get each closed interval and each entry in one order.
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

/* The list owns the sink from here on: sink_list_close closes it. */
void sink_list_add(struct sink_list *l, struct sink *s);

/* As struct sink's: each sink gets the interval, the entry; idle when all of them are. */
void sink_list_begin(const struct sink_list *l, const struct snapshot *snap, bool final);
void sink_list_put(const struct sink_list *l, const struct closed_series *c);
void sink_list_end(const struct sink_list *l);
void sink_list_entry(const struct sink_list *l, const struct event_entry *e);
bool sink_list_idle(const struct sink_list *l);

/**
 * sink_list_counted(l, table):
 * The object that `table` reads, for struct counter_source.
 *   returns  NULL when no sink of the list has this table; else valid until the next call
 */
const void *sink_list_counted(const struct sink_list *l, const struct counter_table *table);

/* As struct sink's, of those that outlive the process.  load: 0 where no sink has such records. */
void sink_list_save(const struct sink_list *l, struct records_writer *to);
void sink_list_saved(const struct sink_list *l);
int sink_list_load(const struct sink_list *l, uint8_t type, struct slice body, uint64_t age_ms);
void sink_list_loaded(const struct sink_list *l, bool good);

/* Closes every sink and empties the list. */
void sink_list_close(struct sink_list *l);

#endif
