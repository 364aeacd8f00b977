/* What a body is made of: private to http/. */
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
    struct buf packed;   /* as gzip; empty: there is no such form */
};

#endif
