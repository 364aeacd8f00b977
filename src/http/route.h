/**
 * route: which route a request is for, and which methods it takes.  Private to http/.
 *   thread   any
 */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http/http.h"

/* The route of exactly that path, else the one with the longest prefix, else NULL. */
const struct http_route *http_route_find(const struct http_route *routes, size_t n,
                                         const char *path);

/* returns  0: it is none of ours */
enum http_method http_method_of(const char *name);

bool http_route_takes(const struct http_route *route, enum http_method m);

/* A sentence for people. */
const char *http_route_only(const struct http_route *route);

#endif
