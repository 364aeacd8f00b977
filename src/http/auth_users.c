#include "http/auth_users.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int by_name(const void *a, const void *b)
{
    const struct http_auth_user *x = a, *y = b;
    return slice_cmp(slice_str(x->name), slice_str(y->name));
}

struct http_auth_users http_auth_users_make(const struct http_user *users, size_t n)
{
    struct http_auth_users u = { .at = mem_zalloc((n + 1) * sizeof *u.at), .n = n };
    assert(n <= HTTP_AUTH_USERS_MAX);
    for (size_t i = 0; i < n; i++) {
        assert(bcrypt_wrong(slice_str(users[i].hash)) == NULL);
        u.at[i].name = mem_strdup(users[i].name);
        memcpy(u.at[i].hash, users[i].hash, BCRYPT_LEN + 1);
    }
    qsort(u.at, n, sizeof *u.at, by_name);
    return u;
}

void http_auth_users_release(struct http_auth_users *u)
{
    for (size_t i = 0; i < u->n; i++)
        free(u->at[i].name);
    free(u->at);
    *u = (struct http_auth_users){ 0 };
}

struct http_auth_user *http_auth_users_find(const struct http_auth_users *u, struct slice name)
{
    size_t low = 0, n = u->n;
    while (n > 0) {
        size_t half = n / 2;
        int c = slice_cmp(slice_str(u->at[low + half].name), name);
        if (c == 0)
            return &u->at[low + half];
        low += c < 0 ? half + 1 : 0;
        n = c < 0 ? n - half - 1 : half;
    }
    return NULL;
}

void http_auth_users_carry_over(const struct http_auth_users *old, struct http_auth_users *u)
{
    for (size_t i = 0; i < u->n; i++) {
        struct http_auth_user *to = &u->at[i];
        const struct http_auth_user *from = http_auth_users_find(old, slice_str(to->name));
        if (from == NULL || strcmp(from->hash, to->hash) != 0)
            continue;
        to->known = from->known;
        to->right = from->right;
    }
}

unsigned http_auth_users_cost(const struct http_auth_users *u)
{
    unsigned most = BCRYPT_COST_MIN;
    for (size_t i = 0; i < u->n; i++) {
        unsigned cost = bcrypt_cost(slice_str(u->at[i].hash));
        most = cost > most ? cost : most;
    }
    return most;
}
