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
#include "http/stream_priv.h"

/**
 * http_reply_body(c, status, b, gzip, headers):
 *   b        a reference is taken until it is sent; NULL: no bytes
 *   gzip     the client accepts it
 *   headers  of this reply: name, NUL, value, NUL, and so on
 */
enum MHD_Result http_reply_body(struct MHD_Connection *c, unsigned status, struct http_body *b,
                                bool gzip, struct slice headers);

/* Takes r.  head: the request is a HEAD */
enum MHD_Result http_reply_stream(struct MHD_Connection *c, struct http_reader *r, bool head);

/* text: one line without its end.  allow: for status 405, the methods there are */
enum MHD_Result http_reply_text(struct MHD_Connection *c, unsigned status, const char *text,
                                const char *allow);

#endif
