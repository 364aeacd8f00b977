/* What goes back to a client, and the headers that go with it: for http.c only. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <microhttpd.h>

#include "http/body_priv.h"
#include "http/stream_priv.h"

/* All return what libmicrohttpd's callback returns: MHD_NO (no memory) closes the connection. */

/* b: held until it is sent; NULL: no bytes.  gzip: the client accepts it.  headers: of this reply, each
 * name and value with a NUL behind it. */
enum MHD_Result http_reply_body(struct MHD_Connection *c, unsigned status, struct http_body *b,
                                bool gzip, struct slice headers);

/* Takes the reader.  head: that is all that was asked for. */
enum MHD_Result http_reply_stream(struct MHD_Connection *c, struct http_reader *r, bool head);

/* text: one line without its end.  allow: the methods that a 405 names. */
enum MHD_Result http_reply_text(struct MHD_Connection *c, unsigned status, const char *text, const char *allow);

#endif
