/* The reading end of a stream, for request.c and reply.c only. */
#ifndef HTTP_STREAM_PRIV_H
#define HTTP_STREAM_PRIV_H

#include <microhttpd.h>

#include "http/stream.h"

/* One connection's place in a stream.  Whoever holds the pointer detaches it, once. */
struct http_reader;

/* With the connection suspended, before http_reader_begin. */
struct http_reader *http_reader_attach(struct http_stream *st, struct MHD_Connection *c);

/* All readers are attached, and none reads yet.  From here on, what all have read is freed. */
void http_reader_begin(struct http_stream *st);

/* Not while its connection is suspended.  NULL is fine.  thread  any */
void http_reader_detach(struct http_reader *r);

/**
 * http_reader_response(r, head):
 * A response whose bytes are what r reads, with a Content-Length if the stream has ended by now.
 * Takes r in any case.
 *   head     the request is a HEAD
 *   sent     grows by the bytes that are sent; the HTTP thread's, until the request is over
 *   returns  NULL: no memory
 */
struct MHD_Response *http_reader_response(struct http_reader *r, bool head, uint64_t *sent);

#endif
