/**
 * guard_reasons: why guard.h refuses a request.
 */
#ifndef HTTP_GUARD_REASONS_H
#define HTTP_GUARD_REASONS_H

/* X(id, word) */
#define HTTP_GUARD_REASONS(X) X(HOST, "host") X(ORIGIN, "origin") X(CROSS_SITE, "cross_site")

enum http_guard_reason {
#define X(id, word) HTTP_GUARD_##id,
    HTTP_GUARD_REASONS(X)
#undef X
        HTTP_GUARD_REASON_COUNT
};

#endif
