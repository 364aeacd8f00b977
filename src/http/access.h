/**
 * access: the name of a request (X-Request-ID), and its line in the log.  Private to http/.
 *
 *     http_access_target   its first line is here: kept, if there will be a line
 *     http_access_begin    its head is here: the client's X-Request-ID, or one made up
 *     http_access_log      it is over
 *
 *   thread   HTTP
 */
#ifndef HTTP_ACCESS_H
#define HTTP_ACCESS_H

#include "http/http_priv.h"

#define HTTP_REQUEST_ID "X-Request-ID"

void http_access_target(struct http_request *r, const char *target);
void http_access_begin(struct http_request *r);

/* aborted: its client went, or was late, before all was sent */
void http_access_log(const struct http_request *r, bool aborted);

#endif
