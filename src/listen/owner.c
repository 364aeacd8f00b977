#include "listen/owner.h"

#include "base/account.h"
#include "listen/address.h"

bool owner_parse(struct slice text, uint32_t *ret_uid, uint32_t *ret_gid)
{
    struct slice group = text, user;
    uint32_t uid, gid = LISTEN_OWNER_SELF;
    bool both = slice_cut(&group, ':', &user);
    if (!account_user(both ? user : text, &uid) || (both && !account_group(group, &gid)))
        return false;
    *ret_uid = uid;
    *ret_gid = gid;
    return true;
}
