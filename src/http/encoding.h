/* Accept-Encoding (RFC 9110, 12.5.3): for http.c only. */
#ifndef HTTP_ENCODING_H
#define HTTP_ENCODING_H

#include <stdbool.h>

#include "base/slice.h"

/* May the answer be gzip?  By name (also x-gzip), else by `*`; not with q=0 or with a q that is none. */
bool http_encoding_gzip(struct slice accept_encoding);

#endif
