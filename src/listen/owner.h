/**
 * owner: `USER`, `USER:GROUP`, each a name or a number: the owner of a Unix socket's file.  Private
 * to listen/.
 *   thread   control, before the workers start
 */
#ifndef LISTEN_OWNER_H
#define LISTEN_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/*
 * Without a group *ret_gid is LISTEN_OWNER_SELF.  Reads the machine's lists of users and groups.
 * returns  false: there is no such user or group
 */
bool owner_parse(struct slice text, uint32_t *ret_uid, uint32_t *ret_gid);

#endif
