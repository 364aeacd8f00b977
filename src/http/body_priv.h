/* The inside of a body, for the files of http/ that send it. */
#ifndef HTTP_BODY_PRIV_H
#define HTTP_BODY_PRIV_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/buf.h"
#include "http/body.h"

struct http_body {
    atomic_uint refs;
    const char *type;
    char *ptr;
    size_t len;
    struct buf packed; /* the gzip form; empty: there is none */
};

#endif
