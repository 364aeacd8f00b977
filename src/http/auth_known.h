/**
 * auth_known: what is remembered of passwords: keys of those that were wrong.  For auth.c only.
 *   thread   one at a time
 */
#ifndef HTTP_AUTH_KNOWN_H
#define HTTP_AUTH_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "http/users.h"

/* Of a user's name, hash and password: equal ones have equal keys, and nobody finds another one. */
struct http_auth_key {
    unsigned char bytes[32];
};

/* secret: random, of the process.  Of the password the bytes count that bcrypt takes. */
struct http_auth_key http_auth_key(const unsigned char secret[32], struct slice user,
                                   struct slice hash, struct slice password);

/* In a time that does not depend on where they differ. */
bool http_auth_key_eq(const struct http_auth_key *a, const struct http_auth_key *b);

enum { HTTP_AUTH_WAYS = 4 };

/* { 0 } is empty.  A key has the places of one set, which its first bytes choose. */
struct http_auth_wrong {
    struct {
        struct http_auth_key key;
        uint64_t until_ns;
    } at[HTTP_AUTH_WRONG_MAX / HTTP_AUTH_WAYS][HTTP_AUTH_WAYS];
};

bool http_auth_wrong_has(const struct http_auth_wrong *w, const struct http_auth_key *key,
                         uint64_t now_ns);

/* In the place of the one of its set that would be forgotten next. */
void http_auth_wrong_add(struct http_auth_wrong *w, const struct http_auth_key *key,
                         uint64_t now_ns);

#endif
