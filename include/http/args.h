/**
 * args: all query arguments of a request, in their order and with their repetitions.
 */
#ifndef HTTP_ARGS_H
#define HTTP_ARGS_H

#include <stddef.h>

#include "base/slice.h"

struct http_request;

/* A request with more is answered 414 by the server. */
enum { HTTP_ARGS_MAX = 100 };

/* Decoded, any bytes. */
struct http_arg {
    struct slice name, value; /* value.ptr NULL: there is no "=" */
};

/**
 * http_request_args(r, ret):
 *   ret      room for HTTP_ARGS_MAX; the slices live as long as those of http_request_header
 *   returns  how many there are
 *   thread   as http_request_header
 */
size_t http_request_args(const struct http_request *r, struct http_arg *ret);

#endif
