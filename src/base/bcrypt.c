#include "base/bcrypt.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { FRONT_LEN = 7 }; /* "$2y$10$" */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_base64(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '/';
}

unsigned bcrypt_cost(struct slice hash)
{
    assert(hash.len == BCRYPT_LEN);
    return (unsigned)(hash.ptr[4] - '0') * 10 + (unsigned)(hash.ptr[5] - '0');
}

const char *bcrypt_wrong(struct slice hash)
{
    static const char form[] = "is no bcrypt hash ($2y$10$ and 53 characters): make one with "
                               "`htpasswd -nBC 10 NAME`";
    const char *p = hash.ptr;
    if (hash.len != BCRYPT_LEN || p[0] != '$' || p[1] != '2' || strchr("aby", p[2]) == NULL ||
        p[2] == '\0' || p[3] != '$' || !is_digit(p[4]) || !is_digit(p[5]) || p[6] != '$')
        return form;
    for (size_t i = FRONT_LEN; i < BCRYPT_LEN; i++) {
        if (!is_base64(p[i]))
            return form;
    }
    if (bcrypt_cost(hash) < BCRYPT_COST_MIN)
        return "has a cost that bcrypt does not know: it has to be 4 to 16";
    if (bcrypt_cost(hash) > BCRYPT_COST_MAX)
        return "has a cost above 16, of which one check takes longer than 4 s: give 10";
    return NULL;
}

void bcrypt_nobody(unsigned cost, char ret[BCRYPT_LEN + 1])
{
    assert(cost >= BCRYPT_COST_MIN && cost <= BCRYPT_COST_MAX);
    int n = snprintf(ret, BCRYPT_LEN + 1, "$2b$%02u$%s", cost,
                     "NobodyHasThisPasswordu5nNvZyWwlB8QhYQzqyo2GJSQeqbU1yX");
    assert(n == BCRYPT_LEN);
    (void)n;
}
