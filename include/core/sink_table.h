/**
 * sink_table: which sinks a configuration asks for.
 *
 * A new sink is a row in sink_table.c, and its counters a line in core/counter_tables.h.
 *   thread   control
 */
#ifndef CORE_SINK_TABLE_H
#define CORE_SINK_TABLE_H

#include <stdbool.h>
#include <uv.h>

#include "config/config.h"
#include "sinks/sink_list.h"

/* Does anybody read closed intervals? */
bool sink_table_any(const struct config *c);

/**
 * sink_table_open(c, loop, state_dir, to):
 * Adds the sinks of c to the list.  c is not needed afterwards.
 *   returns  0, or -errno, logged; the sinks opened before that are in the list then
 */
int sink_table_open(const struct config *c, uv_loop_t *loop, int state_dir, struct sink_list *to);

#endif
