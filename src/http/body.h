/* What a body is made of: private to http/. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdatomic.h>
#include <stddef.h>

struct http_body {
    atomic_uint refs;
    const char *type;
    char *plain, *gzip;             /* gzip: NULL when there is none */
    size_t plain_len, gzip_len;
};

#endif
