/**
 * auth: who may ask.  Basic authentication (RFC 7617) against bcrypt hashes.
 *
 *     http_auth_new -> http_auth_set -> http_auth_start -> http_opts.auth -> http_stop
 *     -> http_auth_free
 *
 * A check of a password costs tens of milliseconds by intent, so the HTTP thread makes none.  It
 * looks into a memory of results; what is not there waits, with its connection suspended, for a
 * thread of low priority that checks one password after the other:
 *
 *   right     remembered for each user until that user's hash changes or goes
 *   wrong     HTTP_AUTH_WRONG_MAX of them are remembered for HTTP_AUTH_WRONG_S; after one that was
 *             not, the checker rests for the CPU time of the check: strangers get half a core
 *   queue     HTTP_AUTH_QUEUE places, at most one for each client address (an IPv4 address, or
 *             a /64 of IPv6).  Who finds none is told 429 with Retry-After.  Equal ones wait
 *             together in one place
 *
 * An unknown name is checked against a hash of the highest cost there is, so that time does not
 * tell it from a wrong password.  No password is kept: what is remembered is an HMAC, under a
 * random key of the process, of the lengths and bytes of name, hash and password.
 *
 *   thread   new, set, start, free: one (control); stats: any
 */
#ifndef HTTP_AUTH_H
#define HTTP_AUTH_H

#include <stddef.h>
#include <stdint.h>

#include "http/users.h"

struct http_auth;

/* Has no users: everybody may ask.  returns  0; -EAGAIN: no random numbers */
int http_auth_new(struct http_auth **ret);

/* Starts its thread, once, before the HTTP server.  returns  0; -EAGAIN: there is no thread */
int http_auth_start(struct http_auth *a);

/**
 * http_auth_set(a, users, n):
 * From now on these, all with different names.  What waits for a check is told 429: ask again.
 *   users    copied; 0 of them: everybody may ask
 *   n        at most HTTP_AUTH_USERS_MAX
 */
void http_auth_set(struct http_auth *a, const struct http_user *users, size_t n);

struct http_auth_stats {
    uint64_t ok, bad;               /* checked; bad: also those without a user and password */
    uint64_t cached_ok, cached_bad; /* remembered */
    uint64_t busy;                  /* told 429 */
};

void http_auth_stats(struct http_auth *a, struct http_auth_stats *ret);

/* After http_stop of the server that has it.  NULL is fine.  May take as long as a check. */
void http_auth_free(struct http_auth *a);

#endif
