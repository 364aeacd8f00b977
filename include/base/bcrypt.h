/**
 * bcrypt: the form of a hash, `$2y$10$` and 53 characters of `./A-Za-z0-9`.
 *
 * crypt_r takes what has another form too, for something else: `doe` as two letters of salt for
 * DES. Therefore each hash is looked at before.
 *   thread   any (no state)
 */
#ifndef BASE_BCRYPT_H
#define BASE_BCRYPT_H

#include "base/slice.h"

enum {
    BCRYPT_LEN = 60,
    BCRYPT_COST_MIN = 4,
    BCRYPT_COST_MAX = 16,    /* 4 s; bcrypt itself goes to 31 */
    BCRYPT_COST_SLOW = 12,   /* 0.25 s; each more doubles it */
    BCRYPT_PASSWORD_MAX = 72 /* bytes that count */
};

/* returns  NULL, or what is wrong and the remedy (static) */
const char *bcrypt_wrong(struct slice hash);

/* Of a hash with which nothing is wrong. */
unsigned bcrypt_cost(struct slice hash);

/* A hash of that cost which no known password has. */
void bcrypt_nobody(unsigned cost, char ret[BCRYPT_LEN + 1]);

#endif
