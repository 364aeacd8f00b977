/* What a body is made of: private to http/. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdatomic.h>
#include <stddef.h>

struct http_body {
    atomic_uint refs;
    const char *type;
    char *ptr;
    size_t len;
};

#endif
