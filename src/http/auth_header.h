/**
 * auth_header: the value of an Authorization header (RFC 7617).  For auth.c only.
 *   thread   any (no state)
 */
#ifndef HTTP_AUTH_HEADER_H
#define HTTP_AUTH_HEADER_H

#include <stdbool.h>

#include "base/slice.h"

enum { HTTP_CREDENTIALS_MAX = 1024 };

/* A name and a password in `text`, which is to be wiped (http_credentials_wipe) after use. */
struct http_credentials {
    struct slice user, password;
    char text[HTTP_CREDENTIALS_MAX + 3];
};

/**
 * http_credentials_read(header, ret):
 * `Basic`, in any case, and the base64 form of USER:PASSWORD; the first colon ends the user.
 *   header   NULL: there is none
 *   ret      both without NUL
 *   returns  false: it is something else, or longer than HTTP_CREDENTIALS_MAX; ret is wiped
 */
bool http_credentials_read(const char *header, struct http_credentials *ret);

void http_credentials_wipe(struct http_credentials *c);

#endif
