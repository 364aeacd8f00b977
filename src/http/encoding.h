/* Accept-Encoding (RFC 9110, 12.5.3): for request.c only. */
#ifndef HTTP_ENCODING_H
#define HTTP_ENCODING_H

#include <stdbool.h>

#include "base/slice.h"

/* Does the client accept gzip?  Decided by the entry for gzip (or x-gzip), else by the one for `*`;
 * q=0 and a malformed q mean no. */
bool http_encoding_gzip(struct slice accept_encoding);

#endif
