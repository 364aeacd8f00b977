#include "base/account.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/types.h>

#include "base/number.h"

bool account_number(struct slice text, uint32_t *ret)
{
    int64_t n;
    if (!number_parse_int(text, &n) || n >= UINT32_MAX)
        return false;
    *ret = (uint32_t)n;
    return true;
}

bool account_name(struct slice text, char name[ACCOUNT_NAME_BYTES])
{
    if (text.len == 0 || text.len >= ACCOUNT_NAME_BYTES)
        return false;
    memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    return true;
}

bool account_user(struct slice text, uint32_t *ret_uid)
{
    char name[ACCOUNT_NAME_BYTES], entry[ACCOUNT_ENTRY_BYTES];
    struct passwd who, *found = NULL;
    if (account_number(text, ret_uid))
        return true;
    if (!account_name(text, name) || getpwnam_r(name, &who, entry, sizeof entry, &found) != 0 ||
        found == NULL)
        return false;
    *ret_uid = found->pw_uid;
    return true;
}

bool account_group(struct slice text, uint32_t *ret_gid)
{
    char name[ACCOUNT_NAME_BYTES], entry[ACCOUNT_ENTRY_BYTES];
    struct group who, *found = NULL;
    if (account_number(text, ret_gid))
        return true;
    if (!account_name(text, name) || getgrnam_r(name, &who, entry, sizeof entry, &found) != 0 ||
        found == NULL)
        return false;
    *ret_gid = found->gr_gid;
    return true;
}
