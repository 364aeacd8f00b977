/* What becomes of a request, by its user and password. */
#ifndef HTTP_AUTH_VERDICT_H
#define HTTP_AUTH_VERDICT_H

enum http_verdict {
    HTTP_AUTH_UNKNOWN, /* it has to be checked */
    HTTP_AUTH_OK,
    HTTP_AUTH_BAD,
    HTTP_AUTH_BUSY
};

/* v: never UNKNOWN */
typedef void (*http_auth_done)(void *cookie, enum http_verdict v);

#endif
