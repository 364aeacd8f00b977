/* The reading end of a stream, for http.c and reply.c only. */
#ifndef HTTP_STREAM_PRIV_H
#define HTTP_STREAM_PRIV_H

#include <microhttpd.h>

#include "http/stream.h"

/* One connection's place in a stream.  Whoever has it detaches it, once. */
struct http_reader;

struct http_reader *http_reader_attach(struct http_stream *st, struct MHD_Connection *c);

/* All readers are attached, and none reads yet.  From here on pieces go when all have read them. */
void http_reader_begin(struct http_stream *st);

/* HTTP thread, not while it is suspended.  NULL is fine. */
void http_reader_detach(struct http_reader *r);

/**
 * http_reader_response(r, head):
 * The response that reads it; with a Content-Length when the stream has ended by now.  Takes r, also when there is no memory: NULL.
 *   head     for a request that asks for the head alone
 */
struct MHD_Response *http_reader_response(struct http_reader *r, bool head);

#endif
