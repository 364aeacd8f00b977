/**
 * guard: pages and scripts of other sites are kept off the paths that a browser uses, and off those
 * that change something (http_route.guarded).
 *
 *   Host     a site that has its own name point to our address (DNS rebinding) is found out by that
 *            name: only IP addresses, localhost, the machine's own name and those of http.hosts are
 *            ours, all others are answered 421.  Not where users have passwords: no browser sends
 *            them to that name
 *   Origin   a script of another site, and `Origin: null`: 403
 *   Sec-Fetch-Site: cross-site   403, but for a link that somebody follows (a navigation, by GET)
 *
 * Clients that are no browsers send neither of the last two, and every browser sends Origin with a
 * POST: that tells them apart where machines ask by names that nobody knows here
 * (HTTP_GUARDED_FROM_PAGES).
 */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <stdbool.h>

#include "base/slice.h"
#include "http/guard_reasons.h"

/**
 * http_guard_names(list, host):
 * Is the value of a Host header, with or without a port, one of the names?
 *   own     the machine's
 *   list    further ones with commas between, as in http.hosts; `*`: all there are
 *   thread  any (no state)
 */
bool http_guard_names(const char *own, const char *list, struct slice host);

#endif
