#include "http/auth_queue.h"

#include <assert.h>
#include <string.h>

static void place_check(const struct http_auth_place *p)
{
    assert(p->n_waiters <= HTTP_AUTH_JOINED_MAX && p->generation > 0);
    assert(p->hash[BCRYPT_LEN] == '\0' && p->password[BCRYPT_PASSWORD_MAX] == '\0');
}

static bool is_free(const struct http_auth_place *p)
{
    return p->generation == 0;
}

struct http_auth_place *http_auth_queue_place(struct http_auth_queue *q, uint64_t generation,
                                              const struct http_auth_key *key, uint64_t who)
{
    struct http_auth_place *free_one = NULL;
    bool has_one = false;
    for (size_t i = 0; i < HTTP_AUTH_QUEUE; i++) {
        struct http_auth_place *p = &q->places[i];
        if (is_free(p))
            free_one = p;
        else if (p->generation == generation && http_auth_key_eq(&p->key, key))
            return p->n_waiters < HTTP_AUTH_JOINED_MAX ? p : NULL;
        else
            has_one = has_one || p->who == who;
    }
    return has_one ? NULL : free_one;
}

void http_auth_queue_put(struct http_auth_queue *q, struct http_auth_place *to,
                         const struct http_auth_place *question, const char *hash,
                         struct slice password)
{
    size_t n = password.len < BCRYPT_PASSWORD_MAX ? password.len : BCRYPT_PASSWORD_MAX;
    assert(is_free(to));
    *to = *question;
    to->number = q->next_number++;
    to->n_waiters = 0;
    memcpy(to->hash, hash, BCRYPT_LEN + 1);
    memset(to->password, 0, sizeof to->password);
    if (n > 0)
        memcpy(to->password, password.ptr, n);
    place_check(to);
}

void http_auth_place_join(struct http_auth_place *p, struct http_auth_waiter w)
{
    place_check(p);
    assert(p->n_waiters < HTTP_AUTH_JOINED_MAX);
    p->waiters[p->n_waiters++] = w;
}

struct http_auth_place *http_auth_queue_next(struct http_auth_queue *q)
{
    struct http_auth_place *next = NULL;
    for (size_t i = 0; i < HTTP_AUTH_QUEUE; i++) {
        struct http_auth_place *p = &q->places[i];
        if (!is_free(p) && (next == NULL || p->number < next->number))
            next = p;
    }
    return next;
}

unsigned http_auth_place_free(struct http_auth_place *p,
                              struct http_auth_waiter ret[HTTP_AUTH_JOINED_MAX])
{
    unsigned n = p->n_waiters;
    place_check(p);
    memcpy(ret, p->waiters, n * sizeof *ret);
    explicit_bzero(p, sizeof *p);
    return n;
}
