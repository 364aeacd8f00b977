/**
 * auth_queue: the passwords that wait for the checker, or are with it.  For auth.c only.
 *   thread   one at a time
 */
#ifndef HTTP_AUTH_QUEUE_H
#define HTTP_AUTH_QUEUE_H

#include "base/bcrypt.h"
#include "http/auth_known.h"
#include "http/auth_verdict.h"

struct http_auth_waiter {
    http_auth_done done;
    void *cookie;
};

/* Zero is free.  The question (all but the waiters) does not change until it is freed. */
struct http_auth_place {
    uint64_t number;     /* the lowest is next */
    uint64_t generation; /* of the users: 1 at least */
    uint64_t who;
    struct http_auth_key key;
    size_t user; /* its place among the users of that generation; SIZE_MAX: none has that name */
    char hash[BCRYPT_LEN + 1];
    char password[BCRYPT_PASSWORD_MAX + 1];
    struct http_auth_waiter waiters[HTTP_AUTH_JOINED_MAX];
    unsigned n_waiters;
};

struct http_auth_queue {
    uint64_t next_number;
    struct http_auth_place places[HTTP_AUTH_QUEUE];
};

/**
 * http_auth_queue_place(q, generation, key, who):
 * Where that question may wait: the place that has it already, else a free one.
 *   returns  NULL: none is free, or too many wait with it, or another one of that address waits
 */
struct http_auth_place *http_auth_queue_place(struct http_auth_queue *q, uint64_t generation,
                                              const struct http_auth_key *key, uint64_t who);

/* Put a question, whose numbers and key are set, into a free place. */
void http_auth_queue_put(struct http_auth_queue *q, struct http_auth_place *to,
                         const struct http_auth_place *question, const char *hash,
                         struct slice password);

void http_auth_place_join(struct http_auth_place *p, struct http_auth_waiter w);

/* The one that is to be checked next, which stays where it is; NULL: none. */
struct http_auth_place *http_auth_queue_next(struct http_auth_queue *q);

/* Free it, wipe it.  returns  how many waiters it had, in ret */
unsigned http_auth_place_free(struct http_auth_place *p,
                              struct http_auth_waiter ret[HTTP_AUTH_JOINED_MAX]);

#endif
