/**
 * server: the running daemon.  The thread that calls server_run becomes its control thread.
 */
#ifndef APP_SERVER_H
#define APP_SERVER_H

#include "config/config.h"

struct core_mapping;

/**
 * server_run(c, mapping, src, takeover):
 * Run in the foreground until TERM or INT (or POST /-/quit), then drain: read what the kernel
 * holds, close the partial interval, and wait up to server.drain_timeout for the sinks to take it.
 * A second signal ends the wait.
 *   mapping  c's; taken over, and left empty
 *   src      where c came from: HUP and POST /-/reload read it again
 *   takeover take the place of the server that runs, at server.control_socket; where that
 *            fails, that one goes on
 *   returns  the process' exit status: 0 stopped as asked; 1 could not start, or stopped before the
 *            sinks had everything (logged)
 */
int server_run(const struct config *c, struct core_mapping *mapping,
               const struct config_source *src, bool takeover);

#endif
