/**
 * server: the running daemon.  The thread that calls server_run becomes its control thread.
 */
#ifndef APP_SERVER_H
#define APP_SERVER_H

#include "config/config.h"

/**
 * server_run(c, src):
 * Run in the foreground until TERM or INT (or POST /-/quit), then drain: read what the kernel
 * holds, close the partial interval, and wait up to server.drain_timeout for the sinks to take it.
 * A second signal ends the wait.
 *   src      where c came from: HUP and POST /-/reload read it again
 *   returns  the process' exit status: 0 stopped as asked; 1 could not start, or stopped before the
 *            sinks had everything (logged)
 */
int server_run(const struct config *c, const struct config_source *src);

#endif
