/*
 *     sandbox_user_find     cut at ':' -> find_user (and its groups) -> find_group
 *     sandbox_user_become   groups, gid, uid, in this order: each needs what the next takes away
 *       stays_away            and then look whether it cannot come back
 */
#include "sandbox/user.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/account.h"
#include "base/slice.h"
#include "base/socket_file.h"

static void one_group(struct sandbox_user *u, gid_t gid)
{
    u->gid = gid;
    u->groups[0] = gid;
    u->n_groups = 1;
}

/* returns  false: the database gives none, or more than fit */
static bool own_groups(const struct passwd *who, struct sandbox_user *u)
{
    int n = SANDBOX_GROUPS_MAX;
    if (getgrouplist(who->pw_name, who->pw_gid, u->groups, &n) < 0)
        return false;
    u->gid = who->pw_gid;
    u->n_groups = (size_t)n;
    return true;
}

/* *ret_groups: they are known, too. */
static const char *find_user(struct slice text, struct sandbox_user *u, bool *ret_groups)
{
    char name[ACCOUNT_NAME_BYTES], entry[ACCOUNT_ENTRY_BYTES];
    struct passwd who, *found = NULL;
    uint32_t uid;
    *ret_groups = false;
    if (account_number(text, &uid)) {
        u->uid = uid;
        (void)getpwuid_r(uid, &who, entry, sizeof entry, &found);
    } else if (!account_name(text, name) ||
               getpwnam_r(name, &who, entry, sizeof entry, &found) != 0 || found == NULL) {
        return "there is no such user";
    }
    if (found != NULL) {
        u->uid = who.pw_uid;
        *ret_groups = own_groups(&who, u);
    }
    return u->uid == 0 ? "it has to be another user than root" : NULL;
}

static bool find_group(struct slice text, struct sandbox_user *u)
{
    uint32_t gid;
    if (!account_group(text, &gid))
        return false;
    one_group(u, gid);
    return true;
}

int sandbox_user_find(const char *text, struct sandbox_user *ret, const char **ret_why)
{
    struct slice group = slice_str(text), user = group;
    struct sandbox_user u = { .set = true };
    bool groups = false;
    if (text[0] == '\0') {
        *ret = (struct sandbox_user){ .set = false };
        return 0;
    }
    bool both = slice_cut(&group, ':', &user);
    const char *why = find_user(both ? user : slice_str(text), &u, &groups);
    if (why == NULL && both && !find_group(group, &u))
        why = "there is no such group";
    else if (why == NULL && !both && !groups)
        why = "the groups of this user are not known: say UID:GID";
    else if (why == NULL && u.gid == 0)
        why = "it has to be another group than root's";
    if (why != NULL) {
        *ret_why = why;
        return -EINVAL;
    }
    *ret = u;
    return 0;
}

/* ---- becoming it ---- */

static bool is_already(const struct sandbox_user *u)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    return getresuid(&r, &e, &s) == 0 && getresgid(&rg, &eg, &sg) == 0 && r == u->uid &&
           e == u->uid && s == u->uid && rg == u->gid && eg == u->gid && sg == u->gid;
}

/* Secure bits can have the kernel keep capabilities where it usually takes them. */
static bool has_capabilities(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { 0 } };
    if (syscall(SYS_capget, &head, data) < 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(data); i++)
        if ((data[i].permitted | data[i].effective) != 0)
            return true;
    return false;
}

static bool stays_away(const struct sandbox_user *u)
{
    return is_already(u) && !has_capabilities() && setuid(0) < 0 && setresuid(0, 0, 0) < 0 &&
           setgid(0) < 0 && setresgid(0, 0, 0) < 0 && is_already(u);
}

int sandbox_user_become(const struct sandbox_user *u, const char **ret_why)
{
    if (!u->set || (is_already(u) && geteuid() != 0))
        return 0;
    if (geteuid() != 0) {
        *ret_why = "only root can become another user";
        return -EPERM;
    }
    if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 || setgroups(u->n_groups, u->groups) < 0 ||
        setresgid(u->gid, u->gid, u->gid) < 0 || setresuid(u->uid, u->uid, u->uid) < 0) {
        *ret_why = "the kernel refuses it";
        return -EPERM;
    }
    if (!stays_away(u)) {
        *ret_why = "the process could become root again, or kept a capability";
        return -EPERM;
    }
    return 0;
}

int sandbox_user_give(const struct sandbox_user *u, const char *path, uint64_t dev, uint64_t ino)
{
    struct stat st;
    int rc = -ESTALE, fd = socket_file_hold(path, false, &st);
    if (fd < 0)
        return fd;
    if (ino == 0 || (st.st_dev == dev && st.st_ino == ino))
        rc = socket_file_chown(fd, u->uid, u->gid);
    (void)close(fd);
    return rc;
}
