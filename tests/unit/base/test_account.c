#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/account.h"

static void a_number_is_itself_and_a_name_is_looked_up(void **state)
{
    static const struct {
        const char *text;
        bool found;
        uint32_t id;
    } rows[] = {
        { "0", true, 0 },          { "007", true, 7 },         { "4294967294", true, 4294967294 },
        { "root", true, 0 },       { "4294967295", false, 0 }, { "4294967296", false, 0 },
        { "-1", false, 0 },        { "+1", false, 0 },         { "1 ", false, 0 },
        { "", false, 0 },          { "Root", false, 0 },       { "no-such-user-here", false, 0 },
        { "root:root", false, 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t uid = 0, gid = 0;
        struct slice text = slice_str(rows[i].text);
        if (account_user(text, &uid) != rows[i].found || uid != rows[i].id)
            fail_msg("user %s", rows[i].text);
        if (account_group(text, &gid) != rows[i].found || gid != rows[i].id)
            fail_msg("group %s", rows[i].text);
    }
}

static void a_name_has_at_most_63_bytes(void **state)
{
    char text[ACCOUNT_NAME_BYTES], name[ACCOUNT_NAME_BYTES];
    (void)state;
    memset(text, 'a', sizeof text);
    assert_false(account_name((struct slice){ text, sizeof text }, name));
    assert_true(account_name((struct slice){ text, sizeof text - 1 }, name));
    assert_int_equal(strlen(name), sizeof text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_itself_and_a_name_is_looked_up),
        cmocka_unit_test(a_name_has_at_most_63_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
