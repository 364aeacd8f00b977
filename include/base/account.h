/**
 * account: users and groups of the machine, by name or by number.
 *   thread   any; reads the machine's lists, which may ask a server
 */
#ifndef BASE_ACCOUNT_H
#define BASE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    ACCOUNT_NAME_BYTES = 64,    /* a name, its NUL included */
    ACCOUNT_ENTRY_BYTES = 16384 /* what getpwnam_r and its like need */
};

/* Below UINT32_MAX, which means none.   returns  false: no number */
bool account_number(struct slice text, uint32_t *ret);

/* returns  false: empty, or too long for any name */
bool account_name(struct slice text, char name[ACCOUNT_NAME_BYTES]);

/* A number is taken as it is, whether anybody has it or not.   returns  false: nobody's name */
bool account_user(struct slice text, uint32_t *ret_uid);
bool account_group(struct slice text, uint32_t *ret_gid);

#endif
