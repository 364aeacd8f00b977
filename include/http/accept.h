/**
 * accept: the lists in which a client says what it takes, and how much it likes each (RFC 9110,
 * 12.4 and 12.5): Accept, Accept-Encoding.  Pure.
 *
 *     text/plain; version=0.0.4; q=0.5, *;q=0.1
 *     '--------'  '--------------------'
 *        name             params
 *   thread   any
 */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

#include <stdbool.h>

#include "base/slice.h"

/* Longer lists are cut between two headers: those that come late are not read. */
enum { HTTP_ACCEPT_BYTES = 4096, HTTP_Q_MAX = 1000 };

struct http_accept {
    struct slice name, params; /* as sent, without blanks around them */
    unsigned q; /* in thousandths; HTTP_Q_MAX where none is given, 0 for a malformed one */
};

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
