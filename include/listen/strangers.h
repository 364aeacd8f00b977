/**
 * strangers: datagrams and connections from where a listener does not allow (`allow` of its URL).
 *   thread   control
 */
#ifndef LISTEN_STRANGERS_H
#define LISTEN_STRANGERS_H

#include <stdint.h>

#include "listen/listener.h"

/* How many there were: datagrams as of the last page turn, or connections. */
uint64_t strangers_of(const struct listener *l);

/* Once a second: tells the log of new ones, at most once a minute, with one of their addresses. */
void strangers_log(struct listener *l, uint64_t now_ms);

#endif
