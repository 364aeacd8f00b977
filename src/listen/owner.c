#include "listen/owner.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/types.h>

#include "base/number.h"
#include "listen/address.h"

enum { NAME_MAX_BYTES = 64, ENTRY_BYTES = 16384 };

/* returns  true: text is a number, which may be no user's */
static bool number(struct slice text, uint32_t *ret)
{
    int64_t n;
    if (!number_parse_int(text, &n) || n >= LISTEN_OWNER_SELF)
        return false;
    *ret = (uint32_t)n;
    return true;
}

static bool name_of(struct slice text, char name[NAME_MAX_BYTES])
{
    if (text.len == 0 || text.len >= NAME_MAX_BYTES)
        return false;
    memcpy(name, text.ptr, text.len);
    name[text.len] = '\0';
    return true;
}

static bool user_of(struct slice text, uint32_t *ret)
{
    char name[NAME_MAX_BYTES], entry[ENTRY_BYTES];
    struct passwd who, *found = NULL;
    if (number(text, ret))
        return true;
    if (!name_of(text, name) || getpwnam_r(name, &who, entry, sizeof entry, &found) != 0 ||
        found == NULL)
        return false;
    *ret = found->pw_uid;
    return true;
}

static bool group_of(struct slice text, uint32_t *ret)
{
    char name[NAME_MAX_BYTES], entry[ENTRY_BYTES];
    struct group who, *found = NULL;
    if (number(text, ret))
        return true;
    if (!name_of(text, name) || getgrnam_r(name, &who, entry, sizeof entry, &found) != 0 ||
        found == NULL)
        return false;
    *ret = found->gr_gid;
    return true;
}

bool owner_parse(struct slice text, uint32_t *ret_uid, uint32_t *ret_gid)
{
    struct slice group = text, user;
    uint32_t uid, gid = LISTEN_OWNER_SELF;
    bool both = slice_cut(&group, ':', &user);
    if (!user_of(both ? user : text, &uid) || (both && !group_of(group, &gid)))
        return false;
    *ret_uid = uid;
    *ret_gid = gid;
    return true;
}
