/**
 * accept: the lists in which a client says what it takes, and how much it likes each (RFC 9110,
 * 12.4 and 12.5): Accept, Accept-Encoding.
 *
 *     text/plain; version=0.0.4; q=0.5, *;q=0.1
 *     '--------'  '--------------------'
 *        name             params
 *   thread   any, but for http_request_header_list
 */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include <stdbool.h>

#include "base/slice.h"
#include "http/http.h"

/* Longer lists are cut between two headers: those that come late are not read. */
enum { HTTP_ACCEPT_BYTES = 4096, HTTP_Q_MAX = 1000 };

struct http_accept {
    struct slice name, params; /* as sent, without blanks around them */
    unsigned q; /* in thousandths; HTTP_Q_MAX where none is given, 0 for a malformed one */
};

/**
 * http_request_header_list(r, name, ret, cap):
 * All headers of that name as one list, with commas between them; one that does not fit is left
 * out.
 *   returns  what was written to ret; empty: there is none
 *   thread   as http_request_header
 */
struct slice http_request_header_list(const struct http_request *r, const char *name, char *ret,
                                      size_t cap);

/* Cut the next entry off the front of list.  returns  false: it is empty */
bool http_accept_next(struct slice *list, struct http_accept *ret);

/* Cut the next parameter off; quotes around its value go.  returns  false: there are no more */
bool http_accept_param(struct slice *params, struct slice *ret_name, struct slice *ret_value);

/* Equal but for the case of letters, as names and tokens are compared. */
bool http_accept_same(struct slice a, struct slice b);

/*
 * Does Accept-Encoding allow gzip?  Decided by the entries for gzip (or x-gzip), else by those for
 * `*`.
 */
bool http_accept_gzip(struct slice accept_encoding);

#endif
