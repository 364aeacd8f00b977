/**
 * server: the running daemon: workers, the control thread's loop, sinks and HTTP, started and stopped in order.
 */
#ifndef APP_SERVER_H
#define APP_SERVER_H

#include "config/config.h"

/**
 * server_run(c, src):
 * Run in the foreground until TERM or INT, then drain: read what the kernel holds, close the partial interval, wait for Redis
 * up to server.drain_timeout.
 *   src      where c came from: HUP reads it again
 *   returns  the process' exit status: 0 stopped as asked, 1 failed (logged)
 */
int server_run(const struct config *c, const struct config_source *src);

#endif
