/* sites: is a request one of another site's?  What guard.h says, for request.c. */
#ifndef HTTP_SITES_H
#define HTTP_SITES_H

#include "http/guard.h"
#include "http/http_priv.h"

/* returns  HTTP_GUARD_REASON_COUNT: nothing is wrong with it.  thread  HTTP */
enum http_guard_reason http_guard_look(const struct http_request *r);

/* With what it is answered. */
unsigned http_guard_status(enum http_guard_reason why);
const char *http_guard_text(enum http_guard_reason why);

#endif
