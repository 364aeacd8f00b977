#include "sandbox/user.h"

#include <errno.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/slice.h"
#include "support/in_child.h"

#include <setjmp.h> /* IWYU pragma: keep */
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void names_and_numbers_are_understood_and_mistakes_told(void **state)
{
    static const struct {
        const char *text, *why; /* NULL: fine */
        unsigned uid, gid;
    } rows[] = {
        { "12345:23456", NULL, 12345, 23456 },
        { "nobody:23456", NULL, 65534, 23456 },
        { "nobody", NULL, 65534, 65534 },
        { "65534", NULL, 65534, 65534 },
        { "12345:nogroup", NULL, 12345, 65534 },
        { "4294967294:1", NULL, 4294967294u, 1 },
        { "12345", "the groups of this user are not known: say UID:GID", 0, 0 },
        { "no-such-user", "there is no such user", 0, 0 },
        { ":5", "there is no such user", 0, 0 },
        { "-1:5", "there is no such user", 0, 0 },
        { "4294967295:5", "there is no such user", 0, 0 },
        { "99999999999:5", "there is no such user", 0, 0 },
        { "nobody:", "there is no such group", 0, 0 },
        { "nobody:no-such-group", "there is no such group", 0, 0 },
        { "nobody:1:2", "there is no such group", 0, 0 },
        { "root", "it has to be another user than root", 0, 0 },
        { "0:5", "it has to be another user than root", 0, 0 },
        { "nobody:0", "it has to be another group than root's", 0, 0 },
        { "nobody:root", "it has to be another group than root's", 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sandbox_user u = { .uid = 77 };
        const char *why = NULL;
        int rc = sandbox_user_find(rows[i].text, &u, &why);
        if (rows[i].why != NULL) {
            assert_int_equal(rc, -EINVAL);
            assert_string_equal(why, rows[i].why);
            assert_int_equal(u.uid, 77); /* untouched */
            continue;
        }
        assert_int_equal(rc, 0);
        assert_true(u.set && u.n_groups > 0);
        assert_int_equal(u.uid, rows[i].uid);
        assert_int_equal(u.gid, rows[i].gid);
    }
}

static void no_user_is_nobody_to_become(void **state)
{
    struct sandbox_user u = { .set = true };
    const char *why = NULL;
    (void)state;
    assert_int_equal(sandbox_user_find("", &u, &why), 0);
    assert_false(u.set);
    assert_int_equal(sandbox_user_become(&u, &why), 0);
}

static int drop(void)
{
    struct sandbox_user u;
    const char *why = "";
    gid_t groups[SANDBOX_GROUPS_MAX];
    if (sandbox_user_find("12345:23456", &u, &why) < 0 || sandbox_user_become(&u, &why) < 0)
        return 1;
    if (getuid() != 12345 || geteuid() != 12345 || getgid() != 23456)
        return 2;
    if (getgroups(SANDBOX_GROUPS_MAX, groups) != 1 || groups[0] != 23456)
        return 3;
    if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
        return 4;
    return sandbox_user_become(&u, &why) == 0 ? 0 : 5; /* it is that one already */
}

static void root_becomes_another_user_for_good(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_child(drop), 0);
}

static int drop_twice(void)
{
    struct sandbox_user u;
    const char *why = "";
    if (drop() != 0 || sandbox_user_find("12346:1", &u, &why) < 0)
        return 1;
    if (sandbox_user_become(&u, &why) != -EPERM)
        return 2;
    return strcmp(why, "only root can become another user") == 0 ? 0 : 3;
}

static void who_is_not_root_cannot(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_child(drop_twice), 0);
}

static int keeps_capabilities(void)
{
    struct sandbox_user u;
    const char *why = "";
    if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0)
        return 0; /* not root enough */
    if (sandbox_user_find("12345:23456", &u, &why) < 0)
        return 1;
    if (sandbox_user_become(&u, &why) != -EPERM)
        return 2;
    return strstr(why, "could become root again, or kept a capability") != NULL ? 0 : 3;
}

static void who_would_keep_capabilities_is_told(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(in_child(keeps_capabilities), 0);
}

static void only_a_socket_is_given_and_no_link_followed(void **state)
{
    char dir[] = "/tmp/sandbox-XXXXXX", path[64];
    struct sandbox_user u;
    struct stat st;
    const char *why = "";
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(sandbox_user_find("12345:23456", &u, &why), 0);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(sandbox_user_give(&u, dir, 0, 0), -ESTALE);
    snprintf(path, sizeof path, "%s/s", dir);
    assert_int_equal(mknod(path, S_IFSOCK | 0600, 0), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(sandbox_user_give(&u, path, st.st_dev, st.st_ino + 1), -ESTALE);
    errno = EIO;
    assert_int_equal(sandbox_user_give(&u, path, st.st_dev, st.st_ino), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 12345);
    assert_int_equal(st.st_gid, 23456);
    char link[64];
    snprintf(link, sizeof link, "%s/l", dir);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(sandbox_user_give(&u, link, 0, 0), -ESTALE);
    assert_int_equal(sandbox_user_give(&u, "/no/such", 0, 0), -ENOENT);
    unlink(link);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers_are_understood_and_mistakes_told),
        cmocka_unit_test(no_user_is_nobody_to_become),
        cmocka_unit_test(root_becomes_another_user_for_good),
        cmocka_unit_test(who_is_not_root_cannot),
        cmocka_unit_test(who_would_keep_capabilities_is_told),
        cmocka_unit_test(only_a_socket_is_given_and_no_link_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
