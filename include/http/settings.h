/**
 * settings: what of the HTTP server may be replaced while it runs.
 *   thread   any but the HTTP thread; a request or a connection that comes later sees the new one
 */
#ifndef HTTP_SETTINGS_H
#define HTTP_SETTINGS_H

#include <stddef.h>

#include "http/http.h"

struct tls_bundle;

/**
 * http_set_tls(s, b):
 * The certificate and the rules of new connections; open ones, and handshakes that are under way,
 * keep theirs.
 *   s   started with http_opts.tls: whether there is TLS at all cannot change
 *   b   of a server; a reference is taken
 */
void http_set_tls(struct http_server *s, struct tls_bundle *b);

/**
 * http_set_headers(s, headers, n):
 * Headers of every answer from here on, also of those that are refused.  An answer that has one of
 * that name itself keeps its own.  (Not on what libmicrohttpd answers by itself: a request that is
 * malformed or too large.)
 *   headers   copied; n 0: none
 */
void http_set_headers(struct http_server *s, const struct http_header *headers, size_t n);

#endif
