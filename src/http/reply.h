/**
 * reply: queue what goes back to a client, with its headers.  For request.c only.
 *
 * All return what libmicrohttpd's callback has to return; MHD_NO (no memory) closes the connection.
 *   thread   HTTP
 */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <microhttpd.h>

#include "http/body_priv.h"
#include "http/http_priv.h"
#include "http/stream_priv.h"

/**
 * http_reply_body(r, status, b, headers):
 *   b        a reference is taken until it is sent; NULL: no bytes
 *   headers  of this reply: name, NUL, value, NUL, and so on
 */
enum MHD_Result http_reply_body(struct http_request *r, unsigned status, struct http_body *b,
                                struct slice headers);

/* Takes from: where the stream is read. */
enum MHD_Result http_reply_stream(struct http_request *r, struct http_reader *from);

enum MHD_Result http_reply_feed(struct http_request *r, struct http_feed_reader *from);

/* text: one line without its end.  allow: for status 405, the methods there are */
enum MHD_Result http_reply_text(struct http_request *r, unsigned status, const char *text,
                                const char *allow);

#endif
