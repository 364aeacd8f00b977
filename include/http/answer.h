/**
 * answer: a request, as its owner sees it (http_route.ask), and how it is answered.
 *   thread   http_answer and its like: any
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "http/body.h"
#include "http/stream.h"

struct http_request;

/* As bits: HEAD counts as GET, and PUT as POST. */
enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_DELETE = 4 };

/* Its client's address as a number, as in struct http_reading.  thread  any, until answered */
uint64_t http_request_who(const struct http_request *r);

/**
 * http_request_header(r, name), http_request_arg(r, name), http_request_path(r):
 * The first header of that name (any case); the first query argument of that name, decoded; the
 * path, decoded, without the query and with ".." left as it is.
 *   returns  NULL: there is none (a path there always is).  The text lives until r is answered or
 *            http_stop is called, whichever comes first
 *   thread   HTTP within ask; later the thread that calls http_stop
 */
const char *http_request_header(const struct http_request *r, const char *name);
const char *http_request_arg(const struct http_request *r, const char *name);
const char *http_request_path(const struct http_request *r);

/* How it is asked.  thread  any, until answered */
enum http_method http_request_method(const struct http_request *r);

/* Its body, whole (http_route.body_max); empty: there is none.  Lives as long, any thread. */
struct slice http_request_body(const struct http_request *r);

/**
 * http_answer(r, status, body):
 * Answer a request that ask was given; r is gone afterwards.  Each r has to be answered once, also
 * after http_stop: its client has had a 503 by then, and the call only releases r.
 *   body     a reference is taken; NULL: an empty reply
 */
void http_answer(struct http_request *r, unsigned status, struct http_body *body);

struct http_header {
    const char *name, *value;
};

/**
 * http_answer_with(r, status, body, headers, n_headers):
 * http_answer with headers for this reply alone.
 *   headers  copied.  One with a line end in its name or value (a stranger's text may hold one) is
 *            left out
 */
void http_answer_with(struct http_request *r, unsigned status, struct http_body *body,
                      const struct http_header *headers, size_t n_headers);

/**
 * http_answer_stream(to, n, st):
 * Answer n > 0 requests with status 200 and a stream.  Once per stream: what was appended before
 * has been kept for these readers.
 */
void http_answer_stream(struct http_request *const *to, size_t n, struct http_stream *st);

#endif
